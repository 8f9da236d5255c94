import { expect } from "chai";
import { setTimeout as pause } from "node:timers/promises";
import {
  createLogger,
  createStoreSettings,
  SettingsRefused,
  unlessRefused,
  type StoreSetting,
  type Verdict,
} from "./index.ts";

type Weight = "needed" | "heeded" | "shown";

/** Returns a watch over one store. `first` is the first verdict on its setting, or how the store fails to answer. */
function watched(weight: Weight, first: Verdict | "silent" | "hanging", intervalMs = 0, readingMs = 1_000) {
  const lines: [level: string, message: string][] = [];
  const write = (line: string): void => {
    const { level, message } = JSON.parse(line) as { level: string; message: string };
    lines.push([level, message]);
  };
  const logger = createLogger({ level: "info", service: "test" }, { write });
  const state = { verdict: first, readings: 0 };
  const setting = (verdict: Verdict): StoreSetting => ({
    store: "redis",
    promise: "nothing is lost",
    setting: "safe yes",
    found: verdict,
    verdict,
    ...(verdict !== "kept" && { advice: "Set safe yes." }),
  });
  const read = (): Promise<StoreSetting[]> => {
    state.readings += 1;
    if (state.verdict === "hanging") return new Promise(() => undefined);
    if (state.verdict === "silent") return Promise.reject(new Error("no answer"));
    return Promise.resolve([setting(state.verdict)]);
  };
  return {
    lines,
    state,
    settings: createStoreSettings({ stores: { redis: { read, weight } }, logger, intervalMs, readingMs }),
  };
}

const rejection = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );
/** Checks twice, with a pause in which a background read can end. */
const checkTwice = async (check: () => Promise<void>): Promise<unknown> => {
  await rejection(check());
  await pause(5);
  return rejection(check());
};

describe("createStoreSettings", () => {
  it("reads again after a reading that never ends", async () => {
    const { state, settings } = watched("needed", "hanging", 0, 20);
    await rejection(settings.check());
    state.verdict = "refused";
    await pause(60);
    expect(await checkTwice(settings.check)).to.be.instanceOf(SettingsRefused);
  });

  it("logs what is not kept, once, and again when it changes", async () => {
    const { lines, state, settings } = watched("needed", "at-risk");
    await checkTwice(settings.check);
    const sentence = (found: string): string => `redis: safe yes is needed (found: ${found}). Set safe yes.`;
    expect(lines).to.deep.equal([["warn", sentence("at-risk")]]);
    state.verdict = "refused";
    await checkTwice(settings.check);
    state.verdict = "unknown";
    await checkTwice(settings.check);
    state.verdict = "kept";
    await checkTwice(settings.check);
    expect(lines.slice(1)).to.deep.equal([
      ["error", sentence("refused")],
      ["info", sentence("unknown")],
      ["info", "all required settings of the store are in place"],
    ]);
  });

  it("counts the settings that are at risk or refused, until the store has not answered for three intervals", async () => {
    const { state, settings } = watched("shown", "at-risk", 20);
    expect(settings.atRisk("redis"), "not read yet").to.equal(undefined);
    await checkTwice(settings.check);
    expect(settings.stores).to.deep.equal(["redis"]);
    expect(settings.atRisk("redis")).to.equal(1);
    for (const [verdict, count] of [
      ["unknown", 0],
      ["refused", 1],
      ["kept", 0],
    ] as const) {
      state.verdict = verdict;
      await pause(25);
      await checkTwice(settings.check);
      expect(settings.atRisk("redis"), verdict).to.equal(count);
    }
    state.verdict = "silent";
    await pause(70);
    await checkTwice(settings.check);
    expect(settings.atRisk("redis"), "silent for too long").to.equal(undefined);
  });

  it("rejects while a setting is refused, and no longer when it was changed", async () => {
    for (const weight of ["needed", "heeded"] as const) {
      const { state, settings } = watched(weight, "refused");
      const error = await checkTwice(settings.check);
      expect(error).to.be.instanceOf(SettingsRefused);
      expect(String(error)).to.include("Set safe yes.");
      expect(await rejection(settings.assertSafe())).to.be.instanceOf(SettingsRefused);
      state.verdict = "kept";
      expect(await checkTwice(settings.check)).to.equal(undefined);
    }
  });

  it("lets pass what is at risk or unknown, and what is only shown", async () => {
    expect(await checkTwice(watched("needed", "at-risk").settings.check)).to.equal(undefined);
    expect(await checkTwice(watched("needed", "unknown").settings.check)).to.equal(undefined);
    expect(await checkTwice(watched("shown", "refused").settings.check)).to.equal(undefined);
  });

  it("is not ready before it knows what it needs, and waits neither for long nor for anything else", async () => {
    const needed = watched("needed", "silent");
    expect(String(await checkTwice(needed.settings.check))).to.include("the settings of redis are not known yet");
    expect(await rejection(needed.settings.assertSafe())).to.equal(undefined);
    needed.state.verdict = "kept";
    expect(await checkTwice(needed.settings.check)).to.equal(undefined);
    expect(await checkTwice(watched("heeded", "silent").settings.check)).to.equal(undefined);
    const began = performance.now();
    expect(await rejection(watched("needed", "hanging").settings.check())).to.be.an("error");
    expect(performance.now() - began).to.be.below(900);
  });

  it("keeps to what it found when the store stops answering", async () => {
    const { state, settings } = watched("needed", "refused");
    await checkTwice(settings.check);
    state.verdict = "silent";
    expect(await checkTwice(settings.check)).to.be.instanceOf(SettingsRefused);
  });

  it("reads again only when what it knows is old enough, and never twice at once", async () => {
    const fresh = watched("needed", "kept", 60_000);
    for (let round = 0; round < 3; round += 1) await checkTwice(fresh.settings.check);
    expect(fresh.state.readings).to.equal(1);
    const hanging = watched("heeded", "hanging");
    for (let round = 0; round < 3; round += 1) await checkTwice(hanging.settings.check);
    expect(hanging.state.readings).to.equal(1);
  });

  it("lets wait until nothing is refused", async () => {
    const { state, settings } = watched("needed", "refused");
    let isAccepted = false;
    const waiting = settings.whenSafe().then(() => (isAccepted = true));
    await pause(50);
    expect(isAccepted).to.equal(false);
    state.verdict = "kept";
    await checkTwice(settings.check);
    await waiting;
  });
});

describe("unlessRefused", () => {
  it("rejects the named calls alone while a setting is refused", async () => {
    const { state, settings } = watched("needed", "refused");
    const calls = { write: (text: string) => Promise.resolve(text), read: () => Promise.resolve("read") };
    const guarded = unlessRefused(calls, ["write"], settings);
    expect(await rejection(guarded.write("written"))).to.be.instanceOf(SettingsRefused);
    expect(await guarded.read()).to.equal("read");
    state.verdict = "kept";
    await checkTwice(settings.check);
    expect(await guarded.write("written")).to.equal("written");
  });
});
