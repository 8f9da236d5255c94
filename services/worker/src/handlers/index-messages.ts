import type { MessageRange, Messages, Outbox } from "@confab/database";
import type { Logger } from "@confab/runtime";
import type { SearchDocument, SearchIndex } from "@confab/search";
import { Counter, Gauge, type Registry } from "prom-client";

export interface IndexMessagesOptions {
  outbox: Pick<Outbox, "drain">;
  messages: Pick<Messages, "inRanges">;
  search: Pick<SearchIndex, "prepare" | "index">;
  /** Whether the index or the database is away, rather than that something is wrong. */
  isAway: (error: unknown) => boolean;
  registry: Registry;
  logger: Logger;
}

export interface IndexMessages {
  /** Brings the index up to date; returns at once while the index is known to be away. */
  run(): Promise<void>;
  stop(): Promise<void>;
}

const rangesAtOnce = 200;
const documentsAtOnce = 1000;
const longestPauseMs = 30_000;

/**
 * Empties the search outbox into the index. While the index is away the outbox keeps everything, and the index is tried
 * again after 1, 2, 4… up to 30 seconds, so that no attempts are used up and nothing is lost.
 */
export function createIndexMessages(options: IndexMessagesOptions): IndexMessages {
  const { outbox, messages, search, isAway, registry, logger } = options;
  const indexed = new Counter({
    name: "confab_messages_indexed_total",
    help: "Messages written to the index",
    registers: [registry],
  });
  const rejected = new Counter({
    name: "confab_messages_unindexable_total",
    help: "Messages that the index refused",
    registers: [registry],
  });
  const away = new Gauge({
    name: "confab_search_away",
    help: "1 while indexing waits for the index",
    registers: [registry],
  });
  let running: Promise<void> | undefined;
  let prepared = false;
  let pauseMs = 0;
  let pausedUntil = 0;
  let stopped = false;

  async function write(ranges: MessageRange[]): Promise<void> {
    for (const part of partsOf(ranges)) {
      const documents: SearchDocument[] = await messages.inRanges(part);
      const result = await search.index(documents);
      indexed.inc(result.indexed);
      rejected.inc(result.rejected.length);
      for (const { chatId, number, reason } of result.rejected) {
        logger.error({ chat_id: String(chatId), number, reason }, "message refused by the search index");
      }
    }
  }

  async function drain(): Promise<void> {
    try {
      if (!prepared) {
        await search.prepare();
        prepared = true;
      }
      while (!stopped && (await outbox.drain(rangesAtOnce, write)) > 0);
      if (pauseMs > 0) logger.info("the search index is back");
      pauseMs = 0;
      away.set(0);
    } catch (error) {
      if (!isAway(error)) throw error;
      if (pauseMs === 0) logger.warn({ err: error }, "indexing waits: the search index or the database is away");
      // The index may come back empty.
      prepared = false;
      pauseMs = Math.min(Math.max(1000, pauseMs * 2), longestPauseMs);
      pausedUntil = Date.now() + pauseMs;
      away.set(1);
    }
  }

  return {
    async run() {
      if (stopped || Date.now() < pausedUntil) return;
      // A run that is at its end may have looked too early: look again after it.
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

/** Cuts ranges so that no part has more than a bulk's worth of messages. */
function partsOf(ranges: readonly MessageRange[]): MessageRange[][] {
  const parts: MessageRange[][] = [];
  let room = 0;
  for (const { chatId, from, to } of ranges) {
    for (let start = from; start <= to;) {
      if (room === 0) {
        parts.push([]);
        room = documentsAtOnce;
      }
      const end = Math.min(to, start + room - 1);
      parts.at(-1)!.push({ chatId, from: start, to: end });
      room -= end - start + 1;
      start = end + 1;
    }
  }
  return parts;
}
