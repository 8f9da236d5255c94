import type { Look } from "./snapshot.ts";

/** What `status --json` prints, a line a look. */
export interface Status extends Look {
  /** Messages a second since the look before; null where Redis did not answer both times. */
  readonly accepted_per_second: number | null;
  readonly stored_per_second: number | null;
}

/** A look with the rates since the one before. */
export function statusOf(before: Look, now: Look): Status {
  if (!before.redis.reachable || !now.redis.reachable) {
    return { ...now, accepted_per_second: null, stored_per_second: null };
  }
  const seconds = Math.max(0.001, (now.at.getTime() - before.at.getTime()) / 1000);
  const stored = now.redis.stored_total - before.redis.stored_total;
  const accepted = stored + now.redis.pending - before.redis.pending;
  // Below zero only when Redis has lost its data in between.
  const rate = (messages: number): number => Math.round(Math.max(0, messages / seconds) * 10) / 10;
  return { ...now, accepted_per_second: rate(accepted), stored_per_second: rate(stored) };
}

/** Whether all stores answered. */
export function isComplete({ redis, database, search }: Look): boolean {
  return redis.reachable && database.reachable && search.reachable;
}
