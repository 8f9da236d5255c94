import type { Snapshot } from "./snapshot.ts";

/** A snapshot with rates, which is one line of `status --json`. */
export interface Status extends Snapshot {
  /** Messages per second since the previous snapshot; null unless Redis answered both times. */
  readonly accepted_per_second: number | null;
  readonly stored_per_second: number | null;
}

/** Returns a snapshot with the rates since the previous one. */
export function statusOf(before: Snapshot, now: Snapshot): Status {
  if (!before.redis.reachable || !now.redis.reachable) {
    return { ...now, accepted_per_second: null, stored_per_second: null };
  }
  const seconds = Math.max(0.001, (now.at.getTime() - before.at.getTime()) / 1000);
  const stored = now.redis.stored_total - before.redis.stored_total;
  const accepted = stored + now.redis.pending - before.redis.pending;
  // The difference is negative only if Redis lost data in between.
  const rate = (messages: number): number => Math.round(Math.max(0, messages / seconds) * 10) / 10;
  return { ...now, accepted_per_second: rate(accepted), stored_per_second: rate(stored) };
}

/** Returns the names of the stores that did not answer, as `status` shows them. */
export function unavailableStores({ redis, database, search }: Snapshot): string[] {
  const reached = { Redis: redis.reachable, MySQL: database.reachable, search: search.reachable };
  return Object.entries(reached).flatMap(([name, isReachable]) => (isReachable ? [] : [name]));
}
