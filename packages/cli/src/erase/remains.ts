import type { Target } from "./target.ts";

const everywhere = [
  "MySQL: the binary log until it expires (binlog_expire_logs_seconds), and undo records until they are purged.",
  "MySQL: the audit log, which has the beginning of the token.",
  "MySQL: damaged dead letters, without their text.",
  "Redis: deleted values in the append-only file until it is rewritten (BGREWRITEAOF).",
  "Elasticsearch: deleted documents in segments until these are merged (POST <index>/_forcemerge?only_expunge_deletes=true).",
  "Backups, logs and traces, for as long as you keep them. Logs and traces have only the beginning of the token.",
];

/** Lists everything that an erasure leaves on purpose, and how long. */
export function remainsByDesign({ chat, sender }: Target): string[] {
  const keys =
    "MySQL and Redis: digests of idempotency keys and of their requests, for at most twice IDEMPOTENCY_TTL (48 hours by default).";
  if (sender !== undefined) {
    return [
      "MySQL: the journal in the table erasures (the token, a digest of the sender, and the times), for good.",
      "MySQL: tombstones, without content and without the sender.",
      keys,
      ...everywhere,
    ];
  }
  const journal =
    chat === undefined
      ? "its token, the numbers and sizes of its chats, digests of the senders that were erased in it, and the times"
      : "the token, the number and size of the chat, and the times";
  return [
    `MySQL: the journal in the tables erasures and erased_chats (${journal}), for good. By it a late message is recognized.`,
    ...(chat === undefined ? ["MySQL: the idempotency key of its creation, for at most 26 hours."] : []),
    keys,
    ...everywhere,
  ];
}
