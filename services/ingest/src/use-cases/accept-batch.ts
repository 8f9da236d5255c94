import {
  maxBatchItems,
  ProblemError,
  type AcceptedItem,
  type BatchAnswer,
  type BatchItem,
  type RefusedItem,
} from "@confab/contracts";
import type { AcceptMessage } from "./accept-messages.ts";

export interface AcceptBatchOptions {
  /** Throws the problem that says what is wrong with an item. */
  parseItem: (item: unknown) => BatchItem;
  acceptMessage: AcceptMessage;
  /** Turns a store's error into a problem. */
  toProblem: (error: unknown) => unknown;
  /** A problem's `type`. */
  typeOf: (code: ProblemError["code"]) => string;
}

export type AcceptBatch = (items: readonly unknown[], requestId: string) => Promise<BatchAnswer>;

/**
 * Accepts the items of a batch one by one, in their order: a bad one costs its neighbours nothing. Throws only where the
 * batch is too long, or where every item met the same outage.
 */
export function createAcceptBatch({ parseItem, acceptMessage, toProblem, typeOf }: AcceptBatchOptions): AcceptBatch {
  const refuse = (problem: ProblemError): RefusedItem => ({
    status: problem.status,
    type: typeOf(problem.code),
    title: problem.title,
    ...(problem.detail === undefined ? {} : { detail: problem.detail }),
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  });

  return async (items, requestId) => {
    if (items.length > maxBatchItems) {
      throw new ProblemError("payload-too-large", {
        detail: `A batch has at most ${maxBatchItems} messages, this one has ${items.length}. Split it.`,
      });
    }
    const outages = new Map<string, ProblemError>();
    const results = await Promise.all(
      items.map(async (item): Promise<AcceptedItem | RefusedItem> => {
        try {
          // A line of NDJSON that is not JSON comes as the problem that it is.
          if (item instanceof ProblemError) throw item;
          return { status: 201, ...(await acceptMessage(parseItem(item), requestId)).message };
        } catch (error) {
          const problem = toProblem(error);
          if (!(problem instanceof ProblemError)) throw error;
          if (problem.status >= 500) outages.set(problem.code, problem);
          return refuse(problem);
        }
      }),
    );
    const accepted = results.filter(({ status }) => status === 201).length;
    const [outage, ...others] = outages.values();
    if (outage && others.length === 0 && results.every(({ status }) => status === outage.status)) throw outage;
    return { accepted, refused: results.length - accepted, results };
  };
}
