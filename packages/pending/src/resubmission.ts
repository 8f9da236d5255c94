import type { EntryResult, BatchEntry } from "./encode-batch.ts";
import { toAcceptance, type Acceptance } from "./acceptance.ts";
import { AcceptorUnavailable, type Batcher } from "./batcher.ts";
import { ChatsUnavailable, createHeadLoader, type HeadLoaderOptions } from "./head-loader.ts";
import { createKeyLookup, type KeyLookupOptions } from "./key-lookup.ts";

export interface ResubmissionOptions extends HeadLoaderOptions {
  /**
   * Returns the ordinal of an incarnation of Redis, which is higher than all earlier ones. Throws if the database is
   * unavailable.
   */
  readonly numberingOf: (incarnation: string) => Promise<number>;
  readonly findKeys: KeyLookupOptions["findKeys"];
}

/**
 * Maximum number of rounds. One may load the head, one may look up keys, and one accepts the messages. More rounds are
 * only necessary after a failover in between, so reaching the maximum means that something is wrong.
 */
const maxRounds = 5;

/** A message in a run that has no answer yet, with its position in the run and its last result. */
interface OpenEntry {
  readonly at: number;
  readonly entry: BatchEntry;
  result: EntryResult;
}

/** Returns whether MySQL must be queried before Redis can accept the message. */
export const needsMysql = ({ result }: EntryResult): boolean => result === "unknown" || result === "stale";
const stillNeedsMysql = ({ result }: OpenEntry): boolean => needsMysql(result);

/**
 * Returns the messages of a run, marked so that none is accepted before an earlier one that waits because of its key.
 */
export function inOrder(run: readonly BatchEntry[]): readonly BatchEntry[] {
  if (run.length === 1 || !run.some(({ idempotency }) => idempotency)) return run;
  return run.map((entry, at) => ({ ...entry, follows: at > 0 }));
}

/**
 * Creates a function that resubmits messages that Redis can accept only after MySQL has been queried for their chat
 * head or their idempotency key.
 */
export function createResubmission(options: ResubmissionOptions) {
  const { numberingOf, deadlineMs } = options;
  const loadHead = createHeadLoader(options);
  const findEarlier = createKeyLookup({
    findKeys: options.findKeys,
    deadlineMs,
    unavailable: (message, cause) => new ChatsUnavailable(message, cause),
  });
  const loading = new Map<string, ReturnType<typeof loadNow>>();
  const loadNow = async (token: string, chat: number, incarnation: string) => {
    const found = await loadHead(token, chat);
    if (typeof found === "string") return found;
    const numbering = await numberingOf(incarnation);
    return { ...found, id: String(found.id), incarnation, numbering };
  };
  const loadOnce = ({ token, chat }: BatchEntry, incarnation: string): ReturnType<typeof loadNow> => {
    const key = `${incarnation} ${token} ${chat}`;
    const known = loading.get(key);
    if (known) return known;
    const asked = loadNow(token, chat, incarnation).finally(() => loading.delete(key));
    loading.set(key, asked);
    return asked;
  };

  /**
   * Queries MySQL for what Redis does not know, submits the unanswered messages again, and writes each answer into
   * `answers`, at the index of its message.
   */
  async function resubmit(
    batcher: Batcher,
    run: readonly BatchEntry[],
    firstResults: readonly EntryResult[],
    answers: Acceptance[],
  ): Promise<void> {
    let open: OpenEntry[] = run.map((entry, at) => ({ at, entry, result: firstResults[at]! })).filter(stillNeedsMysql);
    try {
      for (let round = 1; open.length > 0; round++) {
        if (round === maxRounds) {
          throw new AcceptorUnavailable("Redis changed its incarnation several times while MySQL was asked");
        }
        const unknown = open.find(({ result }) => result.result === "unknown");
        open = unknown
          ? await withHead(open, unknown, answers)
          : (await Promise.all(open.map((each) => withoutEarlier(each, answers)))).filter((each) => each !== undefined);
        if (open.length === 0) return;
        const results = await batcher.submit(inOrder(open.map(({ entry }) => entry)));
        open.forEach((each, index) => {
          each.result = results[index]!;
          answers[each.at] = toAcceptance(each.result);
        });
        open = open.filter(stillNeedsMysql);
      }
    } catch (error) {
      // If other messages in the run may already be accepted, only the unanswered ones fail.
      if (open.length === run.length) throw error;
      for (const { at } of open) answers[at] = { kind: "failed", error: error as Error };
    }
  }

  /** Adds the head of the chat to the entries. If the chat does not exist, answers all entries and returns none. */
  async function withHead(
    open: OpenEntry[],
    { entry, result }: OpenEntry,
    answers: Acceptance[],
  ): Promise<OpenEntry[]> {
    const loaded = await loadOnce(entry, result.incarnation);
    if (typeof loaded !== "string") return open.map((each) => ({ ...each, entry: { ...each.entry, loaded } }));
    for (const { at } of open) answers[at] = { kind: loaded };
    return [];
  }

  /**
   * Looks up an entry's key in MySQL, because Redis may have forgotten it. If MySQL has the key, answers the entry and
   * returns undefined.
   */
  async function withoutEarlier(each: OpenEntry, answers: Acceptance[]): Promise<OpenEntry | undefined> {
    const { at, entry, result } = each;
    if (entry.idempotency === undefined) return each;
    const earlier = await findEarlier(entry);
    if (earlier === undefined) {
      return { ...each, entry: { ...entry, memory: result.memory ?? { clock: 0, stored: 0 } } };
    }
    answers[at] = earlier === "conflict" ? { kind: "conflict" } : { kind: "accepted", ...earlier, replayed: true };
    return undefined;
  }

  return resubmit;
}
