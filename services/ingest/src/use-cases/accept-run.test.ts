import type { PressureGauge } from "@confab/intake";
import { expect } from "chai";
import { createAcceptRun } from "./accept-run.ts";

describe("accepting messages", () => {
  /** Sends a message to an intake that is under pressure. */
  async function refusalUnder(pressure: Partial<ReturnType<PressureGauge["current"]>>): Promise<unknown> {
    const current = { pending: 0, pendingByPartition: [0], drainRate: 0, memory: 0, memoryLow: false, ...pressure };
    const acceptRun = createAcceptRun({
      intake: { submitRun: () => Promise.reject(new Error("Redis must not be asked")) },
      pressure: { current: () => current, retryAfterSeconds: () => 7 },
      maxPending: 3,
      partitionOf: () => 0,
      limitHeaders: () => ({}),
      toProblem: (error) => error,
      count: { accepted: () => undefined, refused: () => undefined },
    });
    const items = [{ application_token: "a", chat_number: 1, body: "x" }];
    return (await acceptRun(items, { requestId: "test" }))[0];
  }

  it("is refused with the limit that was reached", async () => {
    expect(await refusalUnder({ memory: 0.634, memoryLow: true })).to.deep.include({
      code: "overloaded",
      detail:
        "Redis uses 63 % of its memory, more than this installation's limit (REDIS_MEMORY_LIMIT_RATIO). Nothing was accepted. Send the message again after Retry-After.",
    });
    expect(await refusalUnder({ pendingByPartition: [3] })).to.deep.include({
      code: "overloaded",
      detail:
        "3 messages are pending, as many as this installation's limit allows (MAX_PENDING). Nothing was accepted. Send the message again after Retry-After.",
    });
  });
});
