import { setTimeout as sleep } from "node:timers/promises";
import { createLiveness } from "@confab/runtime";
import { expect } from "chai";
import { pino } from "pino";
import { createWatchdog } from "./watchdog.ts";

const timeoutMs = 40;

function watch(overrides: Partial<Parameters<typeof createWatchdog>[0]> = {}) {
  let restarted = 0;
  const liveness = createLiveness();
  const watchdog = createWatchdog({
    name: "messages of partition 0",
    waiting: () => Promise.resolve(3),
    isReachable: () => true,
    restart: () => {
      restarted += 1;
    },
    timeoutMs,
    liveness,
    restarts: { inc: () => undefined },
    logger: pino({ level: "silent" }),
    ...overrides,
  });
  /** Checks after pauses that are longer than the stall timeout. */
  const checkLate = async (times: number): Promise<number> => {
    for (let time = 0; time < times; time++) {
      await sleep(timeoutMs + 10);
      await watchdog.check().catch(() => undefined);
    }
    return restarted;
  };
  return { ...watchdog, checkLate, liveness };
}

describe("a consumer's watchdog", () => {
  it("restarts it each time the stall timeout is over, and fails liveness from the second time on", async () => {
    const { checkLate, liveness } = watch();
    expect(await checkLate(1)).to.equal(1);
    expect(liveness.state().ok).to.equal(true);
    expect(await checkLate(1)).to.equal(2);
    expect(liveness.state()).to.deep.equal({
      ok: false,
      reasons: ["3 jobs wait in messages of partition 0, and a new consumer took none of them either"],
    });
  });

  it("starts to count again with each sign of life, and takes back what it said of liveness", async () => {
    const { checkLate, sign, liveness } = watch();
    await checkLate(2);
    sign();
    expect(liveness.state().ok).to.equal(true);
    await checkLate(1);
    expect(liveness.state().ok, "the first of a new row").to.equal(true);
  });

  it("asks nothing soon after a sign of life", async () => {
    let asked = 0;
    const { check, sign } = watch({ waiting: () => Promise.resolve((asked += 1)), timeoutMs: 10_000 });
    sign();
    for (let time = 0; time < 3; time += 1) await check();
    expect(asked).to.equal(0);
  });

  const innocent: Record<string, Parameters<typeof watch>[0]> = {
    "nothing waits": { waiting: () => Promise.resolve(0) },
    "Redis does not answer": { waiting: () => Promise.reject(new Error("no answer")) },
    "the database is unavailable": { isReachable: () => false },
  };
  for (const [why, overrides] of Object.entries(innocent)) {
    it(`leaves it alone while ${why}`, async () => {
      expect(await watch(overrides).checkLate(3)).to.equal(0);
    });
  }
});
