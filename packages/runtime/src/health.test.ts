import { expect } from "chai";
import { setTimeout as pause } from "node:timers/promises";
import { createHealth, type Health } from "./index.ts";

describe("createHealth", () => {
  let health: Health | undefined;
  afterEach(() => health?.stop());

  it("is not ready before the first round, and ready after it", async () => {
    health = createHealth({ checks: { redis: () => Promise.resolve() } });
    expect(health.ready()).to.deep.equal({
      ok: false,
      checks: { redis: { ok: false, critical: true, ms: 0, error: "not checked yet" } },
    });
    await health.refresh();
    expect(health.ready().ok).to.equal(true);
  });

  it("names the check that fails and why", async () => {
    health = createHealth({
      checks: { redis: () => Promise.resolve(), mysql: () => Promise.reject(new Error("connection refused")) },
    });
    await health.refresh();
    const { ok, checks } = health.ready();
    expect(ok).to.equal(false);
    expect(checks.redis?.ok).to.equal(true);
    expect(checks.mysql).to.include({ ok: false, error: "connection refused" });
  });

  it("stays ready while an optional check fails, and reports it", async () => {
    health = createHealth({
      checks: { mysql: () => Promise.resolve() },
      optionalChecks: { elasticsearch: () => Promise.reject(new Error("unavailable")) },
    });
    await health.refresh();
    expect(health.ready().ok).to.equal(true);
    expect(health.ready().checks.elasticsearch).to.include({ ok: false, critical: false, error: "unavailable" });
  });

  it("counts a hanging check as failed without starting it a second time", async () => {
    let started = 0;
    let settle: () => void = () => undefined;
    const hang = (): Promise<void> => {
      started += 1;
      return new Promise((resolve) => (settle = resolve));
    };
    health = createHealth({ checks: { mysql: hang }, timeoutMs: 20, intervalMs: 5 });
    await pause(120);
    expect(health.ready().checks.mysql).to.deep.include({ ok: false, error: "no answer within 20 ms" });
    expect(started).to.equal(1);
    settle();
    await pause(1);
    expect(health.ready().ok).to.equal(true);
  });

  it("notices without being asked that a store becomes unavailable and available again", async () => {
    let up = true;
    health = createHealth({
      checks: { redis: () => (up ? Promise.resolve() : Promise.reject(new Error("unavailable"))) },
      intervalMs: 5,
    });
    await pause(30);
    expect(health.ready().ok).to.equal(true);
    up = false;
    await pause(30);
    expect(health.ready().ok).to.equal(false);
    up = true;
    await pause(30);
    expect(health.ready().ok).to.equal(true);
  });

  it("with staysReady, is ready from the first good round on, and still reports which check fails", async () => {
    let up = false;
    health = createHealth({
      checks: { redis: () => (up ? Promise.resolve() : Promise.reject(new Error("unavailable"))) },
      staysReady: true,
      intervalMs: 60_000,
    });
    await health.refresh();
    expect(health.ready().ok, "before its store was ever there").to.equal(false);
    up = true;
    await health.refresh();
    expect(health.ready().ok).to.equal(true);
    up = false;
    await health.refresh();
    expect(health.ready()).to.deep.include({ ok: true });
    expect(health.ready().checks.redis).to.include({ ok: false, critical: true, error: "unavailable" });
  });

  it("asks the stores at its own pace, however often it is asked", async () => {
    let asked = 0;
    health = createHealth({ checks: { redis: () => Promise.resolve(++asked) }, intervalMs: 10_000 });
    await health.refresh();
    for (let probe = 0; probe < 100; probe += 1) health.ready();
    expect(asked).to.be.at.most(2);
  });
});
