import { contentOf, ProblemError, problems, type BatchItem } from "@confab/contracts";
import { expect } from "chai";
import { createAcceptBatch } from "./accept-batch.ts";
import type { AcceptRuns, ItemRun, Outcome } from "./accept-runs.ts";

const origin = { requestId: "test" };
const at = "2026-01-01T00:00:00.000Z";

describe("accepting a batch", () => {
  const itemsOf = (chat_number: number, count: number, body = "x"): BatchItem[] =>
    Array.from({ length: count }, () => ({ application_token: "a", chat_number, body }));

  /**
   * Sends items through an acceptor that refuses those that `refuse` selects. Returns the statuses, and the lengths of
   * the runs of chat 1 that were tried.
   */
  async function statusesOf(items: BatchItem[], refuse: (run: number, place: number) => ProblemError | undefined) {
    const runs: number[] = [];
    let numbers = 0;
    const acceptRun = (run: ItemRun): Outcome[] => {
      const chat = run[0]!.chat_number;
      const tried = chat === 1 ? runs.push(run.length) : 0;
      return run.map(
        (item, place) =>
          refuse(tried, place) ?? {
            message: {
              ...item,
              ...contentOf(item),
              number: ++numbers,
              version: 1,
              change_number: null,
              created_at: at,
              updated_at: at,
              edited_at: null,
              deleted_at: null,
            },
            replayed: false,
            limit: undefined,
          },
      );
    };
    const acceptRuns: AcceptRuns = (all) => Promise.resolve(all.map(acceptRun));
    const acceptBatch = createAcceptBatch({
      acceptRuns,
      refused: () => undefined,
      publicUrl: "https://chat.example",
      giveWay: () => undefined,
    });
    const { answer } = await acceptBatch(items, origin);
    return { statuses: answer.results.map(({ status }) => status), runs };
  }

  for (const code of ["rate-limited", "overloaded"] as const) {
    it(`refuses the following items of a chat after one that is ${code}, even if they could be accepted by then`, async () => {
      const refusal = new ProblemError(code);
      const { statuses, runs } = await statusesOf([...itemsOf(1, 350), ...itemsOf(2, 10)], (run, place) =>
        run === 2 && place >= 60 ? refusal : undefined,
      );
      const { status } = problems[code];
      expect(statuses).to.deep.equal([
        ...Array.from({ length: 160 }, () => 201),
        ...Array.from({ length: 190 }, () => status),
        ...Array.from({ length: 10 }, () => 201),
      ]);
      expect(runs, "nothing that follows is tried").to.deep.equal([100, 100]);
    });
  }

  it("continues after an item that is refused for good", async () => {
    const { statuses } = await statusesOf(itemsOf(1, 250), (run, place) =>
      run === 1 && place === 7 ? new ProblemError("idempotency-conflict") : undefined,
    );
    expect(statuses.filter((status) => status === 201)).to.have.length(249);
  });

  it("numbers large messages together only as far as Redis takes them quickly", async () => {
    const { statuses, runs } = await statusesOf(itemsOf(1, 20, "x".repeat(60_000)), () => undefined);
    expect(statuses).to.deep.equal(Array.from({ length: 20 }, () => 201));
    expect(runs).to.deep.equal([8, 8, 4]);
  });

  it("accepts the messages of different chats together, at most a hundred, and those of one chat in turn", async () => {
    const calls: string[][] = [];
    const acceptBatch = createAcceptBatch({
      acceptRuns: (runs) => {
        calls.push(runs.map((run) => `${run[0]!.chat_number}×${run.length}`));
        return Promise.resolve(runs.map((run) => run.map(() => new ProblemError("idempotency-conflict"))));
      },
      refused: () => undefined,
      publicUrl: "https://chat.example",
      giveWay: () => undefined,
    });
    await acceptBatch([...itemsOf(1, 150), ...itemsOf(2, 40), ...itemsOf(3, 60), ...itemsOf(4, 1)], origin);
    expect(calls).to.deep.equal([["1×100"], ["2×40", "3×60"], ["4×1"], ["1×50"]]);
  });
});
