import { ProblemError } from "@confab/contracts";
import type { Acceptor, PressureGauge } from "@confab/pending";
import { expect } from "chai";
import { createAcceptRuns, type Outcome } from "./accept-runs.ts";

const calm: ReturnType<PressureGauge["current"]> = {
  pending: 0,
  pendingByPartition: [0],
  drainRate: 0,
  memory: 0,
  memoryLow: false,
};
const runOf = (token: string, chat_number: number, count: number) =>
  Array.from({ length: count }, () => ({ application_token: token, chat_number, body: "x" }));

describe("accepting messages", () => {
  /** Sends a message while the pressure gauge reports this pressure, and returns the refusal. */
  async function refusalUnder(pressure: Partial<ReturnType<PressureGauge["current"]>>): Promise<unknown> {
    const { acceptRuns } = start(() => Promise.reject(new Error("Redis must not be asked")), pressure);
    const [outcomes] = await acceptRuns([runOf("a", 1, 1)], { requestId: "test" });
    return outcomes![0];
  }

  function start(submitRuns: Acceptor["submitRuns"], pressure: Partial<typeof calm> = {}) {
    const counted: Record<string, number> = {};
    const count = (name: string, messages = 1): void => {
      counted[name] = (counted[name] ?? 0) + messages;
    };
    const acceptRuns = createAcceptRuns({
      acceptor: { submitRuns },
      pressure: { current: () => ({ ...calm, ...pressure }), retryAfterSeconds: () => 7 },
      maxPending: 3,
      partitionOf: (_, chat) => chat,
      limitHeaders: () => ({}),
      toProblem: (error) => (error === outage ? new ProblemError("service-unavailable") : error),
      count: { accepted: count, refused: count },
    });
    return { acceptRuns, counted };
  }

  it("is refused with the limit that was reached", async () => {
    expect(await refusalUnder({ memory: 0.634, memoryLow: true })).to.deep.include({
      code: "overloaded",
      detail:
        "Redis uses 63 % of its memory, more than this installation's limit (REDIS_MEMORY_LIMIT_RATIO). Nothing was accepted. Send the message again after Retry-After.",
    });
    expect(await refusalUnder({ pendingByPartition: [0, 3] })).to.deep.include({
      code: "overloaded",
      detail:
        "3 messages are pending, as many as this installation's limit allows (MAX_PENDING). Nothing was accepted. Send the message again after Retry-After.",
    });
  });

  it("counts and answers each run by itself", async () => {
    const accepted = { kind: "accepted" as const, number: 1, createdAt: new Date(0), replayed: false };
    const submitted: number[] = [];
    const { acceptRuns, counted } = start(
      (runs) => {
        submitted.push(...runs.map(([first]) => first!.chat));
        return Promise.resolve([[accepted, { kind: "conflict" }], outage]);
      },
      { pendingByPartition: [0, 0, 3, 0] },
    );
    const outcomes = await acceptRuns([runOf("a", 1, 2), runOf("a", 2, 1), runOf("b", 3, 2)], { requestId: "test" });
    expect(submitted, "chats that are not refused at once").to.deep.equal([1, 3]);
    expect(outcomes.map((run) => run.map(codeOf))).to.deep.equal([
      ["accepted", "idempotency-conflict"],
      ["overloaded"],
      ["service-unavailable", "service-unavailable"],
    ]);
    expect(counted).to.deep.equal({ a: 1, "idempotency-conflict": 1, overloaded: 1, "service-unavailable": 2 });
  });

  it("counts what was accepted although another run failed unexpectedly", async () => {
    const accepted = { kind: "accepted" as const, number: 1, createdAt: new Date(0), replayed: false };
    const fault = new Error("a fault");
    const { acceptRuns, counted } = start(() => Promise.resolve([fault, [accepted]]));
    const failure = await acceptRuns([runOf("a", 1, 2), runOf("b", 2, 1)], { requestId: "test" }).catch(
      (error: unknown) => error,
    );
    expect(failure).to.equal(fault);
    expect(counted).to.deep.equal({ "internal-error": 2, b: 1 });
  });
});

const outage = new Error("MySQL is unavailable");

const codeOf = (outcome: Outcome): string => (outcome instanceof ProblemError ? outcome.code : "accepted");
