import { withTimeout, createGrouped } from "@confab/async";
import { timeOf } from "./batch-id.ts";
import { AcceptorBusy } from "./batcher.ts";
import { digestKey, storedKey } from "./idempotency.ts";
import type { Submission } from "./encode-batch.ts";

/** The first message with an idempotency key, as MySQL has it. */
export interface FoundKey {
  readonly number: number;
  /** The message's unique id. */
  readonly uid: Uint8Array;
  /** The beginning of the request's hash, 9 bytes. */
  readonly request: Uint8Array;
}

export interface KeyLookupOptions {
  /** Finds keys in the database by their ids in hexadecimal, in one query. Throws if the database is unavailable. */
  readonly findKeys: (ids: readonly string[]) => Promise<ReadonlyMap<string, FoundKey>>;
  /** Maximum time for the answer. */
  readonly deadlineMs: number;
  /** Makes the error for a key that is not looked up, or not in time. */
  readonly unavailable: (message: string, options?: ErrorOptions) => Error;
}

export type EarlierMessage = { number: number; createdAt: Date } | "conflict" | undefined;

const maxGroup = 1_000;
const maxWaiting = 20_000;
/** How long no key is looked up after a failure, so that requests do not wait during an outage. */
const pauseMs = 500;

/** Looks up the message that was stored with the idempotency key of a submission; "conflict" if it has other content. */
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
