import type { ChatCount, Chats, MessageRange, Messages, MessageVersion, Outbox } from "@confab/database";
import type { MetricCatalogue } from "@confab/metrics";
import { shortToken, type Logger, type Metrics } from "@confab/runtime";
import type { IndexedNumber, MessageCount } from "@confab/search";
import type { RecentRanges } from "./recent-ranges.ts";

export interface ReconcileIndexOptions {
  readonly chats: Pick<Chats, "countsAfter" | "named" | "lastNumbers">;
  readonly messages: Pick<Messages, "counts" | "inRanges" | "states" | "versions" | "lastNumber">;
  readonly outbox: Pick<Outbox, "add" | "chatsWaiting">;
  readonly index: {
    count: (ranges: readonly { chatId: bigint; from?: number; to?: number }[]) => Promise<MessageCount[]>;
    /** Whether two counts are equal as far as the index is exact. */
    isSameCount: (one: MessageCount, other: MessageCount) => boolean;
    findMissing: (messages: readonly MessageVersion[]) => Promise<MessageVersion[]>;
    numbers: (range: MessageRange) => Promise<IndexedNumber[]>;
    changedAfter: (chats: readonly { chatId: bigint; change: number }[]) => Promise<number[][]>;
    remove: (chatId: bigint, numbers: readonly IndexedNumber[]) => Promise<void>;
  };
  readonly recent: Pick<RecentRanges, "has" | "take">;
  /** Whether this worker is the one that walks through all chats. */
  readonly isWalker: () => Promise<boolean>;
  /** Messages that changed more recently are left out: they may be on their way to the index. */
  readonly graceMs: number;
  readonly metrics: Metrics<MetricCatalogue>;
  readonly logger: Logger;
}

type Again = Pick<MessageVersion, "chatId" | "number" | "bytes">;

const chatsPerRun = 200;
/** Ranges up to this size are compared message by message. */
const comparedAtOnce = 500;
const maxOutbox = 1_000;
const maxNumber = 2_147_483_647;

/**
 * Compares MySQL with the search index, and puts what the index lacks, or has although it was deleted, back into the outbox. It removes
 * what MySQL does not have at all. Each run compares the ranges that this worker stored a while ago, and in one of all workers the next
 * chats of a walk through all chats. Counts and sums of numbers come first: only a range in which they differ is bisected, and only a small
 * one is compared message by message. A count alone would not do: a database that lost a deletion and a message has as many messages as
 * the index. Chats with ranges in the outbox are left out.
 */
export function createIndexReconciliation(options: ReconcileIndexOptions): () => Promise<void> {
  const { chats, messages, outbox, index, recent, isWalker, graceMs, metrics, logger } = options;
  const requeued = metrics.counter("confab_index_missing_total");
  let walkedTo = 0n;

  async function reconcile(range: MessageRange): Promise<void> {
    if (range.to - range.from >= comparedAtOnce) {
      const middle = range.from + Math.floor((range.to - range.from) / 2);
      const halves = [
        { ...range, to: middle },
        { ...range, from: middle + 1 },
      ];
      for (const half of await differing(halves)) await reconcile(half);
      return;
    }
    const before = Date.now() - graceMs;
    // Asked before the index: what leaves the outbox meanwhile is in the index.
    const waiting = await outbox.chatsWaiting(maxOutbox);
    if (waiting === undefined || waiting.has(range.chatId)) return;
    // Before the messages: what is in the index was stored before.
    const indexed = await index.numbers(range);
    const stored = await messages.versions(range);
    const settled = stored.filter(({ updatedAt }) => updatedAt.getTime() < before);
    const missing = await unchanged(range, await index.findMissing(settled));
    if (missing.length > 0) {
      await requeue(missing, "messages were missing from the search index: they are indexed again");
      requeued.inc(missing.length);
    }
    const isStored = new Set(stored.map(({ number }) => number));
    const extra = indexed.filter(({ number }) => !isStored.has(number)).sort((a, b) => a.number - b.number);
    const rows = await messages.inRanges(
      extra.map(({ number }) => ({ chatId: range.chatId, from: number, to: number })),
    );
    const deleted = rows.filter(({ deletedAt }) => deletedAt !== null && deletedAt.getTime() < before);
    // Indexing a deleted message removes its document.
    if (deleted.length > 0) {
      const removed = deleted.map(({ chatId, number }) => ({ chatId, number, bytes: 0 }));
      await requeue(removed, "deleted messages were still in the search index: they are removed");
    }
    const hasRow = new Set(rows.map(({ number }) => number));
    const unknown = extra.filter(({ number }) => !hasRow.has(number));
    if (unknown.length > 0) {
      await index.remove(range.chatId, unknown);
      await log(
        unknown.map(({ number }) => ({ chatId: range.chatId, number })),
        "messages that the database does not have were in the search index: they are removed",
      );
    }
  }

  /** Returns those that have not changed since they were read: the index may have what has changed. */
  async function unchanged(range: MessageRange, before: MessageVersion[]): Promise<MessageVersion[]> {
    if (before.length === 0) return before;
    const now = new Map((await messages.versions(range)).map((message) => [message.number, message]));
    return before.filter(({ number, version, changeNumber }) => {
      const message = now.get(number);
      return message?.version === version && message.changeNumber === changeNumber;
    });
  }

  /**
   * Returns the messages whose changes the database has lost and the index still has, perhaps in a failover, and per
   * chat the range of those that the database has lost altogether or deleted: they cannot be indexed again.
   */
  async function lostChanges(page: readonly ChatCount[]): Promise<{ changed: Again[][]; gone: MessageRange[] }> {
    const numbers = await index.changedAfter(
      page.map(({ id, lastChangeNumber }) => ({ chatId: id, change: lastChangeNumber })),
    );
    const ahead = page.flatMap((chat, at) => (numbers[at]!.length > 0 ? [{ ...chat, numbers: numbers[at]! }] : []));
    const [changed, gone]: [Again[][], MessageRange[]] = [[], []];
    if (ahead.length === 0) return { changed, gone };
    // Asked again after the index, which may have a change that was made meanwhile.
    const positions = await chats.lastNumbers(ahead.map(({ id }) => id));
    for (const { id: chatId, lastChangeNumber, numbers } of ahead) {
      if (positions.get(chatId)?.lastChangeNumber !== lastChangeNumber) continue;
      const lost = numbers.sort((a, b) => a - b).map((number) => ({ chatId, number, bytes: 0 }));
      const states = (await messages.states(lost)).get(chatId);
      const present = lost.filter(({ number }) => states?.has(number));
      if (present.length > 0) changed.push(present);
      const absent = lost.filter(({ number }) => !states?.has(number));
      if (absent.length > 0) gone.push({ chatId, from: absent[0]!.number, to: absent.at(-1)!.number });
    }
    return { changed, gone };
  }

  async function differing(ranges: readonly MessageRange[]): Promise<MessageRange[]> {
    const [stored, indexed] = await Promise.all([messages.counts(ranges), index.count(ranges)]);
    return ranges.filter((_, at) => !index.isSameCount(stored[at]!, indexed[at]!));
  }

  async function requeue(again: readonly Again[], event: string): Promise<void> {
    await outbox.add(again);
    await log(again, event);
  }

  async function log(again: readonly Pick<Again, "chatId" | "number">[], event: string): Promise<void> {
    const [first] = again;
    const chat = first && (await chats.named([first.chatId])).get(first.chatId);
    logger.warn(
      {
        ...(chat && { application: shortToken(chat.token), chat: chat.number }),
        messages: again.length,
        first: first?.number,
        last: again.at(-1)?.number,
      },
      event,
    );
  }

  async function nextChats(): Promise<{ ranges: MessageRange[]; changed: Again[][] }> {
    const page = await chats.countsAfter(walkedTo, chatsPerRun);
    const counts = await index.count(page.map(({ id }) => ({ chatId: id })));
    const { changed, gone } = await lostChanges(page);
    walkedTo = page.length < chatsPerRun ? 0n : (page.at(-1)?.id ?? 0n);
    const suspects = page.filter((chat, at) => !index.isSameCount(chat, counts[at]!));
    const ranges = await Promise.all(
      suspects.map(async ({ id: chatId }) => {
        const last = await messages.lastNumber(chatId);
        // A database that was restored may lack the last messages of the chat.
        const beyond = { chatId, from: last + 1, to: maxNumber };
        return last === 0 ? [beyond] : [{ chatId, from: 1, to: last }, beyond];
      }),
    );
    const found = await differing(ranges.flat());
    const isFound = new Set(found.map(({ chatId }) => chatId));
    return { ranges: [...found, ...gone.filter(({ chatId }) => !isFound.has(chatId))], changed };
  }

  return async () => {
    const before = Date.now() - graceMs;
    const walks = await isWalker();
    if (!walks && !recent.has(before)) return;
    if ((await outbox.chatsWaiting(maxOutbox)) === undefined) return;
    const recently = await differing(recent.take(before));
    const { ranges, changed } = walks ? await nextChats() : { ranges: [], changed: [] };
    for (const range of [...recently, ...ranges]) await reconcile(range);
    // At the end, because chats with ranges in the outbox are not compared.
    for (const again of changed)
      await requeue(again, "the search index has changes that the database has lost: the messages are indexed again");
  };
}
