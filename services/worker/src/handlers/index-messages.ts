import type { Chats, Messages, Outbox, StoredRange } from "@confab/database";
import type { MetricCatalogue } from "@confab/metrics";
import { ageFromNow } from "@confab/async";
import { shortToken, type Logger, type Metrics } from "@confab/runtime";
import type { RejectedDocument, SearchDocument, SearchIndex } from "@confab/search";
import { createIndexMetrics } from "./index-metrics.ts";

export interface IndexMessagesOptions {
  readonly outbox: Pick<Outbox, "drain" | "hasIndexed">;
  readonly messages: Pick<Messages, "inRanges" | "states">;
  readonly chats: Pick<Chats, "named">;
  readonly search: Pick<SearchIndex, "kind" | "prepare" | "index">;
  /** Returns whether an error means that the index or the database is unavailable. */
  readonly isUnavailable: (error: unknown) => boolean;
  readonly metrics: Metrics<MetricCatalogue>;
  readonly logger: Logger;
}

export interface IndexMessages {
  /** Indexes everything in the search outbox. Returns at once while indexing is paused. */
  run(): Promise<void>;
  stop(): Promise<void>;
}

const rangesAtOnce = 1_000;
const documentsAtOnce = 1000;
const bytesAtOnce = 2 * 1024 * 1024;
const longestPauseMs = 5_000;
/**
 * Maximum age in ms of documents that are sent. Older ones are read again, because this process may have been suspended
 * while the messages were erased. This limit is much shorter than the time after which an erasure checks again.
 */
const maxAgeMs = 10_000;

/** Documents read from MySQL, with the time since the read. */
interface Reading {
  readonly documents: SearchDocument[];
  readonly age: () => number;
}

/**
 * Indexes the messages in the search outbox. While the index or the database is unavailable, the outbox keeps
 * everything, and indexing is retried after 1, 2, 4, 5, 5… seconds without a limit, so nothing is lost.
 */
export function createIndexMessages(options: IndexMessagesOptions): IndexMessages {
  const { outbox, messages, chats, search, isUnavailable, metrics, logger } = options;
  const measured = createIndexMetrics(metrics);
  let running: Promise<void> | undefined;
  let prepared = false;
  let pauseMs = 0;
  let pausedUntil = 0;
  let stopped = false;

  async function write(ranges: StoredRange[]): Promise<void> {
    // Searches in MySQL read the rows, so there is nothing to send.
    if (search.kind === "mysql") {
      measured.arrived(ranges, [], []);
      return;
    }
    const parts = partsOf(ranges);
    let reading = await read(parts[0]);
    for (const [at, part] of parts.entries()) {
      if (reading.age() > maxAgeMs) reading = await read(part);
      // MySQL reads the next part while Elasticsearch writes this one.
      [reading] = await Promise.all([read(parts[at + 1]), send(part, reading.documents)]);
    }
  }

  async function read(part: readonly StoredRange[] = []): Promise<Reading> {
    const age = ageFromNow();
    return { documents: await messages.inRanges(part), age };
  }

  async function send(part: readonly StoredRange[], documents: SearchDocument[]): Promise<void> {
    const began = performance.now();
    const result = await search.index(documents, { readAgain: (keys) => messages.states(keys) });
    measured.duration.observe((performance.now() - began) / 1000);
    measured.size.observe(documents.length);
    measured.arrived(part, documents, result.rejected);
    measured.indexed.inc(result.indexed);
    measured.rejected.inc(result.rejected.length);
    if (result.rejected.length > 0) await logRejected(result.rejected);
  }

  async function logRejected(rejected: readonly RejectedDocument[]): Promise<void> {
    const names = await chats.named([...new Set(rejected.map(({ chatId }) => chatId))]);
    for (const { chatId, number, reason } of rejected) {
      const chat = names.get(chatId);
      // The chat was deleted in the meantime, so its messages must not be indexed.
      if (chat === undefined) continue;
      logger.error(
        { application: shortToken(chat.token), chat: chat.number, number, reason },
        "message refused by the search index",
      );
    }
  }

  async function drainOnce(): Promise<number> {
    const began = performance.now();
    const ranges = await outbox.drain(rangesAtOnce, write);
    if (ranges > 0) measured.drain.observe((performance.now() - began) / 1000);
    return ranges;
  }

  async function drain(): Promise<void> {
    try {
      if (!prepared) {
        if ((await search.prepare()) && (await outbox.hasIndexed())) {
          measured.recreated.inc();
          logger.error(
            "the search index was missing and was created empty: searches miss older messages until they are indexed again (confabctl search reindex is fastest)",
          );
        }
        prepared = true;
      }
      while (!stopped && (await drainOnce()) > 0);
      if (pauseMs > 0) logger.info("the search index is available again");
      pauseMs = 0;
      measured.away.set(0);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      if (pauseMs === 0)
        logger.warn({ err: error }, "indexing is paused: the search index or the database is unavailable");
      // The index may be empty when it is available again, so it is prepared again.
      prepared = false;
      pauseMs = Math.min(Math.max(1000, pauseMs * 2), longestPauseMs);
      pausedUntil = Date.now() + pauseMs;
      measured.away.set(1);
    }
  }

  return {
    async run() {
      if (stopped || Date.now() < pausedUntil) return;
      // A run that is about to end may have missed the newest ranges, so another one starts after it.
      const before = running;
      if (before) await before.catch(() => undefined);
      running ??= drain().finally(() => (running = undefined));
      await running;
    },
    async stop() {
      stopped = true;
      await running?.catch(() => undefined);
    },
  };
}

/**
 * Groups ranges into parts for one bulk request each: at most 1,000 messages, and at most 2 MiB unless a single range
 * is larger.
 */
function partsOf(ranges: readonly StoredRange[]): StoredRange[][] {
  const parts: StoredRange[][] = [];
  let [room, bytesLeft] = [0, 0];
  for (const { chatId, from, to, bytes, storedAt } of ranges) {
    for (let start = from; start <= to;) {
      if (room === 0 || bytes > bytesLeft) {
        parts.push([]);
        [room, bytesLeft] = [documentsAtOnce, bytesAtOnce];
      }
      const end = Math.min(to, start + room - 1);
      parts.at(-1)!.push({ chatId, from: start, to: end, bytes, storedAt });
      room -= end - start + 1;
      bytesLeft -= bytes;
      start = end + 1;
    }
  }
  return parts;
}
