import { table } from "../output.ts";
import type { Reach } from "./snapshot.ts";
import type { Status } from "./status.ts";

/** Formats the stores, the messages in each state and the queues for a person. */
export function screen(status: Status, time: (iso: string) => string): string {
  const { redis, database, search } = status;
  const sections = [
    time(status.at.toISOString()),
    table(
      ["STORE", "ANSWERS", ""],
      [
        ["Redis", answer(redis), redis.reachable ? memory(redis.memory_bytes, redis.memory_limit_bytes) : ""],
        ["MySQL", answer(database), ""],
        [search.backend === "elasticsearch" ? "Elasticsearch" : "search (MySQL)", answer(search), ""],
      ],
    ),
    table(
      ["MESSAGES", "PER SECOND", "WAITING", "OLDEST", ""],
      [
        ["accepted", rate(status.accepted_per_second), "", "", ""],
        [
          "stored",
          rate(status.stored_per_second),
          ...(redis.reachable ? [redis.pending, age(redis.oldest_pending_seconds), workers(redis.workers)] : unknown),
        ],
        [
          "searchable",
          "",
          ...(database.reachable
            ? [database.search_waiting, age(database.search_lag_seconds), "ranges of messages"]
            : unknown),
        ],
        ["dead letters", "", ...(database.reachable ? [database.dead_letters, "", ""] : unknown)],
      ],
    ),
  ];
  if (redis.reachable) {
    sections.push(
      table(
        ["QUEUE", "PARTITION", "WAITING", "ACTIVE", "DELAYED", "FAILED"],
        redis.queues.map(({ queue, partition, jobs }) => [
          queue,
          partition,
          jobs.waiting,
          jobs.active,
          jobs.delayed,
          jobs.failed,
        ]),
      ),
    );
  }
  return sections.join("\n\n");
}

const unknown = ["?", "?", ""];

function answer(reach: Reach): string {
  return reach.reachable ? `in ${reach.ms} ms` : `NO: ${reach.reason}`;
}

function rate(value: number | null): string {
  return value === null ? "?" : value.toFixed(1);
}

function age(seconds: number): string {
  return seconds < 120 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds / 60)} min`;
}

function workers(count: number | null): string {
  return count === null ? "" : `${count} ${count === 1 ? "worker" : "workers"}`;
}

function memory(used: number, limit: number | null): string {
  const mebibytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return limit === null
    ? `${mebibytes(used)} used, no limit`
    : `${mebibytes(used)} of ${mebibytes(limit)} used (${Math.round((100 * used) / limit)} %)`;
}
