import { ProblemError, type BatchAnswer, type BatchItem, type RefusedItem } from "@confab/contracts";
import type { AcceptedMessage, AcceptRun, Origin } from "./accept-messages.ts";

export interface AcceptBatchOptions {
  acceptRun: AcceptRun;
  /** Hears of items that did not get as far as `acceptRun`. */
  refused: (reason: string) => void;
  /** Turns a store's error into a problem. */
  toProblem: (error: unknown) => unknown;
  /** A problem's `type`. */
  typeOf: (code: ProblemError["code"]) => string;
  /** A promise to wait for where the event loop must turn before more work is begun. */
  giveWay: () => Promise<void> | undefined;
}

interface Placed {
  at: number;
  item: BatchItem;
}

/** An item that may not be comes as the problem that says why. */
export type AcceptBatch = (items: readonly (BatchItem | ProblemError)[], origin: Origin) => Promise<BatchAnswer>;

/** Messages of a chat that are numbered together: one run fits a batch of the intake, and Redis does nothing else while it numbers one. */
const runLength = 100;
const runCharacters = 512 * 1024;

/**
 * Accepts the items of a batch, those of each chat in their order: a bad one costs its neighbours nothing, but once an item
 * has to come later (429, 503), so have those of its chat that follow it. Throws only where every item met the same outage.
 */
export function createAcceptBatch({ acceptRun, refused, toProblem, typeOf, giveWay }: AcceptBatchOptions): AcceptBatch {
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
    const outcomes: (AcceptedMessage | ProblemError)[] = [];
    const chats = new Map<string, Placed[]>();
    items.forEach((item, at) => {
      if (item instanceof ProblemError) {
        outcomes[at] = item;
        refused(item.code);
        return;
      }
      const key = `${item.application_token}:${item.chat_number}`;
      const members = chats.get(key);
      if (members) members.push({ at, item });
      else chats.set(key, [{ at, item }]);
    });
    await Promise.all(
      [...chats.values()].map(async (members) => {
        let later: ProblemError | undefined;
        for (const run of runsOf(members)) {
          await giveWay();
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

/** Divides a chat's items, in their order, into runs that may be numbered together. */
function runsOf(members: readonly Placed[]): Placed[][] {
  const runs: Placed[][] = [];
  let characters = Infinity;
  for (const member of members) {
    const run = runs.at(-1);
    characters += member.item.body.length;
    if (run && run.length < runLength && characters <= runCharacters) run.push(member);
    else {
      runs.push([member]);
      characters = member.item.body.length;
    }
  }
  return runs;
}

function comesLater(outcome: AcceptedMessage | ProblemError): outcome is ProblemError {
  return outcome instanceof ProblemError && (outcome.status === 429 || outcome.status === 503);
}
