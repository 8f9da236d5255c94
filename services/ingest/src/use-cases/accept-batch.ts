import { maxBatchItems, ProblemError, type BatchAnswer, type BatchItem, type RefusedItem } from "@confab/contracts";
import type { AcceptedMessage, AcceptRun, Origin } from "./accept-messages.ts";

export interface AcceptBatchOptions {
  /** Throws the problem that says what is wrong with an item. */
  parseItem: (item: unknown) => BatchItem;
  acceptRun: AcceptRun;
  /** Hears of items that did not get as far as `acceptRun`. */
  refused: (reason: string) => void;
  /** Turns a store's error into a problem. */
  toProblem: (error: unknown) => unknown;
  /** A problem's `type`. */
  typeOf: (code: ProblemError["code"]) => string;
}

export type AcceptBatch = (items: readonly unknown[], origin: Origin) => Promise<BatchAnswer>;

/** Messages of a chat that are numbered together: one run fits a batch of the intake. */
const runLength = 100;

/**
 * Accepts the items of a batch, those of each chat in their order: a bad one costs its neighbours nothing, but once an item
 * has to come later (429, 503), so have those of its chat that follow it. Throws only where the batch is too long, or
 * where every item met the same outage.
 */
export function createAcceptBatch({
  parseItem,
  acceptRun,
  refused,
  toProblem,
  typeOf,
}: AcceptBatchOptions): AcceptBatch {
  const refuse = (problem: ProblemError): RefusedItem => ({
    status: problem.status,
    type: typeOf(problem.code),
    title: problem.title,
    ...(problem.detail === undefined ? {} : { detail: problem.detail }),
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  });

  function problemOf(error: unknown): ProblemError {
    const problem = toProblem(error);
    if (problem instanceof ProblemError) return problem;
    throw error;
  }

  async function tryRun(run: BatchItem[], origin: Origin): Promise<(AcceptedMessage | ProblemError)[]> {
    try {
      return await acceptRun(run, origin);
    } catch (error) {
      const problem = problemOf(error);
      return run.map(() => problem);
    }
  }

  return async (items, origin) => {
    if (items.length > maxBatchItems) {
      throw new ProblemError("payload-too-large", {
        detail: `A batch has at most ${maxBatchItems} messages, this one has ${items.length}. Split it.`,
      });
    }
    const outcomes: (AcceptedMessage | ProblemError)[] = [];
    const chats = new Map<string, { at: number; item: BatchItem }[]>();
    items.forEach((item, at) => {
      try {
        // A line of NDJSON that is not JSON comes as the problem that it is.
        if (item instanceof ProblemError) throw item;
        const parsed = parseItem(item);
        const key = `${parsed.application_token}:${parsed.chat_number}`;
        const members = chats.get(key) ?? [];
        members.push({ at, item: parsed });
        chats.set(key, members);
      } catch (error) {
        const problem = problemOf(error);
        outcomes[at] = problem;
        refused(problem.code);
      }
    });
    await Promise.all(
      [...chats.values()].map(async (members) => {
        let later: ProblemError | undefined;
        for (let start = 0; start < members.length; start += runLength) {
          const run = members.slice(start, start + runLength);
          const results = later
            ? []
            : await tryRun(
                run.map(({ item }) => item),
                origin,
              );
          run.forEach(({ at }, index) => (outcomes[at] = later ?? results[index]!));
          later ??= results.find(comesLater);
        }
      }),
    );
    const results = outcomes.map((outcome) =>
      outcome instanceof ProblemError ? refuse(outcome) : { status: 201 as const, ...outcome.message },
    );
    const outages = new Map(
      outcomes.flatMap((outcome) =>
        outcome instanceof ProblemError && outcome.status >= 500 ? [[outcome.code, outcome]] : [],
      ),
    );
    const accepted = results.filter(({ status }) => status === 201).length;
    const [outage, ...others] = outages.values();
    if (outage && others.length === 0 && results.every(({ status }) => status === outage.status)) throw outage;
    return { accepted, refused: results.length - accepted, results };
  };
}

function comesLater(outcome: AcceptedMessage | ProblemError): outcome is ProblemError {
  return outcome instanceof ProblemError && (outcome.status === 429 || outcome.status === 503);
}
