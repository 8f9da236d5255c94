import { withTimeout, createGrouped } from "@confab/async";
import { timeOf } from "./batch-id.ts";
import { AcceptorBusy } from "./batcher.ts";
import { digestKey, storedKey } from "./idempotency.ts";
import type { Submission } from "./encode-batch.ts";

/** The first message with an idempotency key, according to MySQL. */
export interface FoundKey {
  readonly number: number;
  /** The message's unique id. */
  readonly uid: Uint8Array;
  /** The first 9 bytes of the request's hash. */
  readonly request: Uint8Array;
}

export interface KeyLookupOptions {
  /** Finds keys in the database by their hexadecimal ids, in one query. Throws if the database is unavailable. */
  readonly findKeys: (ids: readonly string[]) => Promise<ReadonlyMap<string, FoundKey>>;
  /** Maximum time in ms until the answer. */
  readonly deadlineMs: number;
  /** Creates the error for a key that was not looked up, or not in time. */
  readonly unavailable: (message: string, options?: ErrorOptions) => Error;
}

export type EarlierMessage = { number: number; createdAt: Date } | "conflict" | undefined;

const maxGroup = 1_000;
const maxWaiting = 20_000;
/** Time in ms without lookups after a failure, so that requests do not wait during an outage. */
const pauseMs = 500;

/**
 * Looks up the message that was stored with a submission's idempotency key. Returns "conflict" if the key belongs to a
 * different request, or undefined if MySQL does not have the key.
 */
export function createKeyLookup({ findKeys, deadlineMs, unavailable }: KeyLookupOptions) {
  let failure: { error: unknown; until: number } | undefined;
  const ask = createGrouped<FoundKey | undefined>({
    ask: async (ids) => {
      try {
        const found = await withTimeout(findKeys(ids), deadlineMs, late);
        failure = undefined;
        return (id) => found.get(id);
      } catch (error) {
        failure = { error, until: performance.now() + pauseMs };
        throw error;
      }
    },
    maxGroup,
    maxWaiting,
    refuse: () => new AcceptorBusy("Too many idempotency keys are waiting to be looked up"),
  });
  const late = (): Error => unavailable(`The database did not answer within ${deadlineMs} ms`);

  return async ({ token, chat, idempotency }: Submission): Promise<EarlierMessage> => {
    if (failure && performance.now() < failure.until) {
      throw unavailable("The database did not answer a moment ago", { cause: failure.error });
    }
    const key = storedKey(digestKey(token, chat, idempotency!));
    const found = await withTimeout(ask(key.id.toString("hex")), deadlineMs, late);
    if (!found) return undefined;
    if (key.request.compare(found.request) !== 0) return "conflict";
    return { number: found.number, createdAt: timeOf(Buffer.from(found.uid)) };
  };
}
