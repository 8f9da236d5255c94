import { setTimeout as pause } from "node:timers/promises";
import type { OverdueChat, Retention, RetentionGroup } from "@confab/database";
import type { MetricCatalogue } from "@confab/metrics";
import type { Metrics } from "@confab/runtime";

export interface RetentionOptions {
  readonly retention: Retention;
  /** One worker runs per interval. */
  readonly intervalMs: number;
  /** Maximum number of messages that are deleted per second. */
  readonly rowsPerSecond: number;
  /** Whether a store is unavailable, so that nothing else would succeed either. */
  readonly isUnavailable: (error: unknown) => boolean;
  readonly metrics: Metrics<MetricCatalogue>;
}

export interface Retaining {
  /** Deletes the messages that are over their limit, unless another worker does. */
  run(): Promise<void>;
  /** Lets the current run end after its next step. */
  stop(): void;
}

/** Much longer than a look and a transaction. */
const holdMs = 300_000;
/** How long a run works until it looks again, for the metrics and for what is the most overdue by then. */
const roundMs = 60_000;
const groupsAtOnce = 100;
const chatsAtOnce = 50;

interface Round {
  /** The time by which messages are judged. */
  readonly now: Date;
  readonly isOver: () => boolean;
  /** The chats that failed in this run. */
  readonly failed: Map<bigint, unknown>;
}

/**
 * Deletes messages that are older than the limit of their chat or application. Each transaction also moves the chat's number forward, so
 * any worker can continue after any step. A chat that fails does not hold up the others; the next run tries it again.
 */
export function createRetaining(options: RetentionOptions): Retaining {
  const { retention, intervalMs, rowsPerSecond, isUnavailable } = options;
  const expired = options.metrics.counter("confab_messages_expired_total");
  let stopped = false;

  /** Deletes what is over the limit in a chat, until the round ends. */
  async function expireChat(chat: OverdueChat, { now, isOver }: Round): Promise<void> {
    for (;;) {
      const { deleted, more } = await retention.expire(chat.id, now);
      expired.inc(deleted);
      await pause((deleted / rowsPerSecond) * 1_000);
      if (!more || isOver()) return;
    }
  }

  /** Returns the number of chats in which it deleted something. */
  async function expireGroup(group: RetentionGroup, round: Round): Promise<number> {
    const { now, isOver, failed } = round;
    let chatsDone = 0;
    for (let after: OverdueChat | undefined; ;) {
      const chats: OverdueChat[] = await retention.chats(group, now, { after, limit: chatsAtOnce });
      for (const chat of chats) {
        if (isOver()) return chatsDone;
        try {
          await expireChat(chat, round);
          chatsDone += 1;
        } catch (error) {
          if (isUnavailable(error)) throw error;
          failed.set(chat.id, error);
        }
      }
      after = chats.at(-1);
      if (chats.length < chatsAtOnce) return chatsDone;
    }
  }

  /** Works in rounds, until one has come to its end or has only found chats that fail. */
  async function expireAll(): Promise<void> {
    const failed = new Map<bigint, unknown>();
    for (let isDone = false; ;) {
      const now = await retention.time();
      const { behindMs, groups } = await retention.look(now, groupsAtOnce);
      await retention.save(behindMs, holdMs);
      if (isDone || groups.length === 0) break;
      const end = performance.now() + roundMs;
      const isOver = (): boolean => stopped || performance.now() > end;
      let chatsDone = 0;
      for (const group of groups) chatsDone += await expireGroup(group, { now, isOver, failed });
      isDone = stopped || chatsDone === 0 || (!isOver() && groups.length < groupsAtOnce);
    }
    const [error] = failed.values();
    if (error !== undefined) throw new Error(`retention failed in ${failed.size} chats`, { cause: error });
  }

  return {
    async run() {
      if (!(await retention.claim(holdMs))) return;
      try {
        await expireAll();
      } finally {
        // Keeps the time between two runs near the interval, whichever worker runs next.
        await retention.release(stopped ? 0 : intervalMs * 0.9);
      }
    },
    stop() {
      stopped = true;
    },
  };
}
