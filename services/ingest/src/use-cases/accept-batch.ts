import {
  contentBytes,
  problemType,
  ProblemError,
  type BatchAnswer,
  type BatchItem,
  type RefusedItem,
} from "@confab/contracts";
import type { AcceptedItem, AcceptRun, CountOutcomes, Origin, Outcome } from "./accept-run.ts";

export interface AcceptBatchOptions {
  acceptRun: AcceptRun;
  /** Counts items that are invalid and therefore never reach `acceptRun`. */
  refused: CountOutcomes["refused"];
  publicUrl: string;
  /** Returns a promise to wait for if the event loop must turn before more work begins. */
  giveWay: () => Promise<void> | undefined;
}

interface Placed {
  at: number;
  item: BatchItem;
}

export interface BatchOutcome {
  answer: BatchAnswer;
  /** Whether every accepted item is a replay, so that nothing new was accepted. */
  replayed: boolean;
  /** The rest of the limit, if all items belong to one application. */
  limit: AcceptedItem["limit"];
}

export interface BatchRequest extends Origin {
  /** Stands, with the position of an item, for the item's own key. */
  idempotencyKey?: string | undefined;
}

/** An invalid item arrives as the problem that says why. */
export type AcceptBatch = (
  items: readonly (BatchItem | ProblemError)[],
  request: BatchRequest,
) => Promise<BatchOutcome>;

/** Messages of a chat that are numbered together: a run fits into one batch of the intake, which Redis numbers in one step. */
const runLength = 100;
const runBytes = 512 * 1024;

/**
 * Accepts the items of a batch request, those of each chat in their order. An invalid item does not affect the others. After
 * an item that must be sent again later (429, 503), the following items of its chat are refused in the same way, so that
 * their order can be kept. It throws only if all items were refused for the same outage.
 */
export function createAcceptBatch({ acceptRun, refused, publicUrl, giveWay }: AcceptBatchOptions): AcceptBatch {
  const refuse = ({ status, code, title, detail, errors }: ProblemError): RefusedItem => ({
    status: status as RefusedItem["status"],
    type: problemType(publicUrl, code),
    code,
    title,
    detail,
    ...(errors === undefined ? {} : { errors }),
  });

  async function acceptChat(members: readonly Placed[], origin: Origin, outcomes: Outcome[]): Promise<void> {
    let later: ProblemError | undefined;
    for (const run of runsOf(members)) {
      const turn = giveWay();
      if (turn !== undefined) await turn;
      const items = run.map(({ item }) => item);
      const results = later ? [] : await acceptRun(items, origin);
      run.forEach(({ at }, index) => (outcomes[at] = later ?? results[index]!));
      later ??= results.find(comesLater);
    }
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
      const placed = { at, item: withKey(item, at, idempotencyKey) };
      const key = `${item.application_token}:${item.chat_number}`;
      const members = chats.get(key);
      if (members) members.push(placed);
      else chats.set(key, [placed]);
    });
    await Promise.all([...chats.values()].map((members) => acceptChat(members, origin, outcomes)));

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

/** Clients' keys have no space, so a derived key is never a client's own. */
function withKey(item: BatchItem, at: number, key: string | undefined): BatchItem {
  return key === undefined || item.idempotency_key !== undefined ? item : { ...item, idempotency_key: `${key} ${at}` };
}

/** Divides a chat's items, in their order, into runs that may be numbered together. */
function runsOf(members: readonly Placed[]): Placed[][] {
  const runs: Placed[][] = [];
  let bytes = Infinity;
  for (const member of members) {
    const run = runs.at(-1);
    const size = contentBytes(member.item);
    bytes += size;
    if (run && run.length < runLength && bytes <= runBytes) run.push(member);
    else {
      runs.push([member]);
      bytes = size;
    }
  }
  return runs;
}

function comesLater(outcome: Outcome): outcome is ProblemError {
  return outcome instanceof ProblemError && (outcome.status === 429 || outcome.status === 503);
}

/** The outage that every item was refused for; undefined if there is none, or several. */
function commonOutage(outcomes: readonly Outcome[]): ProblemError | undefined {
  const [first] = outcomes;
  if (!(first instanceof ProblemError) || first.status < 500) return undefined;
  const isSame = (outcome: Outcome): boolean => outcome instanceof ProblemError && outcome.code === first.code;
  return outcomes.every(isSame) ? first : undefined;
}

/** The lowest rest of the limit after an item, since runs are accepted at the same time. */
function limitOf(accepted: readonly AcceptedItem[]): AcceptedItem["limit"] {
  const token = accepted[0]?.message.application_token;
  let least: AcceptedItem["limit"];
  for (const { message, limit } of accepted) {
    if (message.application_token !== token) return undefined;
    if (limit && (!least || limit.remaining < least.remaining)) least = limit;
  }
  return least;
}
