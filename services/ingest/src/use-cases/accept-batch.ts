import {
  contentBytes,
  problemType,
  ProblemError,
  type BatchAnswer,
  type BatchItem,
  type RefusedItem,
} from "@confab/contracts";
import { chunksOf } from "@confab/async";
import type { AcceptedItem, AcceptRuns, CountOutcomes, Origin, Outcome } from "./accept-runs.ts";

export interface AcceptBatchOptions {
  readonly acceptRuns: AcceptRuns;
  /** Counts items that are invalid and therefore never reach `acceptRuns`. */
  readonly refused: CountOutcomes["refused"];
  readonly publicUrl: string;
  /** Returns a promise to await if other work needs a turn before more work begins. */
  readonly giveWay: () => Promise<void> | undefined;
}

interface Placed {
  readonly at: number;
  readonly item: BatchItem;
  /** Number of bytes of the item's content. */
  readonly bytes: number;
}

export interface BatchOutcome {
  readonly answer: BatchAnswer;
  /** Whether every accepted item is a replay, so that nothing new was accepted. */
  readonly replayed: boolean;
  /** Remaining part of the limit, if all items belong to one application. */
  readonly limit: AcceptedItem["limit"];
}

export interface BatchRequest extends Origin {
  /**
   * Idempotency key of the whole request. Together with an item's position, it serves as the key of an item that has
   * none.
   */
  readonly idempotencyKey?: string | undefined;
}

/** Accepts the items of a batch request. An invalid item arrives as a problem that gives the reason. */
export type AcceptBatch = (
  items: readonly (BatchItem | ProblemError)[],
  request: BatchRequest,
) => Promise<BatchOutcome>;

/**
 * Limits for the runs that are submitted together. Such runs fit into one batch of the acceptor, which Redis accepts in
 * one step.
 */
const together = { maxItems: 100, maxSize: 512 * 1024 };
const inRun = { ...together, sizeOf: ({ bytes }: Placed) => bytes };
const inGroup = {
  ...together,
  countOf: (run: readonly Placed[]) => run.length,
  sizeOf: (run: readonly Placed[]) => run.reduce((sum, { bytes }) => sum + bytes, 0),
};

/**
 * Accepts the items of a batch request, in order within each chat. An invalid item does not affect the others. After an
 * item that must be sent again later (429, 503), the following items of its chat are refused in the same way, so that
 * the client can keep their order. Throws a problem only if all items were refused because of the same outage.
 */
export function createAcceptBatch({ acceptRuns, refused, publicUrl, giveWay }: AcceptBatchOptions): AcceptBatch {
  const refuse = ({ status, code, title, detail, errors }: ProblemError): RefusedItem => ({
    status: status as RefusedItem["status"],
    type: problemType(publicUrl, code),
    code,
    title,
    detail,
    ...(errors === undefined ? {} : { errors }),
  });

  async function acceptTogether(runs: readonly Placed[][], origin: Origin, outcomes: Outcome[]): Promise<void> {
    const turn = giveWay();
    if (turn !== undefined) await turn;
    const results = await acceptRuns(
      runs.map((run) => run.map(({ item }) => item)),
      origin,
    );
    runs.forEach((run, nth) => {
      run.forEach(({ at }, index) => (outcomes[at] = results[nth]![index]!));
    });
  }

  return async (items, { idempotencyKey, ...origin }) => {
    const outcomes: Outcome[] = [];
    const chats = new Map<string, Placed[]>();
    items.forEach((item, at) => {
      if (item instanceof ProblemError) {
        outcomes[at] = item;
        refused(item.code);
        return;
      }
      const placed = { at, item: withKey(item, at, idempotencyKey), bytes: contentBytes(item) };
      const key = `${item.application_token}:${item.chat_number}`;
      const members = chats.get(key);
      if (members) members.push(placed);
      else chats.set(key, [placed]);
    });
    // The messages of a chat are accepted in runs, one run after another. Runs of different chats are accepted
    // together.
    let open = Array.from(chats.values(), (members) => [...chunksOf(members, inRun)]);
    while (open.length > 0) {
      const next = open.map(([run]) => run!);
      await Promise.all(Array.from(chunksOf(next, inGroup), (runs) => acceptTogether(runs, origin, outcomes)));
      open = open.flatMap(([run, ...rest]) => {
        const later = run!.map(({ at }) => outcomes[at]!).find(comesLater);
        if (later === undefined) return rest.length > 0 ? [rest] : [];
        for (const { at } of rest.flat()) outcomes[at] = later;
        return [];
      });
    }

    const outage = commonOutage(outcomes);
    if (outage) throw outage;
    const accepted = outcomes.filter((outcome): outcome is AcceptedItem => !(outcome instanceof ProblemError));
    return {
      answer: {
        accepted: accepted.length,
        refused: outcomes.length - accepted.length,
        results: outcomes.map((outcome) =>
          outcome instanceof ProblemError ? refuse(outcome) : { status: 201 as const, ...outcome.message },
        ),
      },
      replayed: accepted.length > 0 && accepted.every(({ replayed }) => replayed),
      limit: limitOf(accepted),
    };
  };
}

/**
 * Returns the item with a key derived from the request's key, unless the item has its own. Clients' keys contain no
 * spaces, so a derived key never equals a client's key.
 */
function withKey(item: BatchItem, at: number, key: string | undefined): BatchItem {
  return key === undefined || item.idempotency_key !== undefined ? item : { ...item, idempotency_key: `${key} ${at}` };
}

function comesLater(outcome: Outcome): outcome is ProblemError {
  return outcome instanceof ProblemError && (outcome.status === 429 || outcome.status === 503);
}

/** Returns the problem of an outage if all items were refused because of this outage, or undefined otherwise. */
function commonOutage(outcomes: readonly Outcome[]): ProblemError | undefined {
  const [first] = outcomes;
  if (!(first instanceof ProblemError) || first.status < 500) return undefined;
  const isSame = (outcome: Outcome): boolean => outcome instanceof ProblemError && outcome.code === first.code;
  return outcomes.every(isSame) ? first : undefined;
}

/**
 * Returns the lowest remaining limit after any item, because runs are accepted in parallel. Returns undefined if the
 * items belong to several applications.
 */
function limitOf(accepted: readonly AcceptedItem[]): AcceptedItem["limit"] {
  const token = accepted[0]?.message.application_token;
  let least: AcceptedItem["limit"];
  for (const { message, limit } of accepted) {
    if (message.application_token !== token) return undefined;
    if (limit && (!least || limit.remaining < least.remaining)) least = limit;
  }
  return least;
}
