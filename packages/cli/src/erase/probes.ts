import type { Database } from "@confab/database";
import type { ElasticsearchIndex } from "@confab/search";
import type { Redis } from "ioredis";
import type { Target, TargetIds } from "./target.ts";

/** One question to one store. */
export interface Probe {
  readonly store: "mysql" | "redis" | "elasticsearch";
  /** What is counted. */
  readonly what: string;
  /** The query, as somebody could send it by hand. */
  readonly query: string;
  count(): Promise<number>;
}

export interface ProbedStores {
  readonly database: Database;
  /** All servers that accept writes. */
  readonly redis: () => readonly Redis[];
  readonly keyPrefix: string;
  /** Absent if MySQL answers searches. */
  readonly index: ElasticsearchIndex | undefined;
}

const tablesOfChats = [
  "messages",
  "message_versions",
  "message_changes",
  "deleted_numbers",
  "reads",
  "dead_letters",
  "search_outbox",
];
const chatsAtOnce = 500;
const scanned = 1_000;

/** Everything that the stores could have of a target. The queries share no code with what erases it. */
export function probesOf(stores: ProbedStores, target: Target, ids: TargetIds): Probe[] {
  return [...mysqlProbes(stores, target, ids), ...redisProbes(stores, target), ...indexProbes(stores, target, ids)];
}

function mysqlProbes({ database: { prisma } }: ProbedStores, { token, chat }: Target, ids: TargetIds): Probe[] {
  const sql = (what: string, query: string): Probe => ({
    ...{ store: "mysql", what, query },
    async count() {
      const [row] = await prisma.$queryRawUnsafe<{ found: bigint | number }[]>(query);
      return Number(row?.found ?? 0);
    },
  });
  const ofChat = chat === undefined ? "" : ` AND chat_number = ${chat}`;
  return [
    ...(chat === undefined
      ? [sql("application", `SELECT COUNT(*) AS found FROM applications WHERE token = '${token}'`)]
      : []),
    inChats("chats", "id"),
    ...tablesOfChats.map((table) => inChats(table, "chat_id")),
    sql(
      "dead letters by token",
      `SELECT COUNT(*) AS found FROM dead_letters WHERE application_token = '${token}'${ofChat}`,
    ),
    ...(chat === undefined
      ? [sql("idempotency keys", `SELECT COUNT(*) AS found FROM idempotency_keys WHERE scope = '${token}'`)]
      : []),
  ];

  /** An application may have too many chats for one statement. */
  function inChats(table: string, column: string): Probe {
    const parts = chunks(ids.chats).map(
      (part) => `SELECT COUNT(*) AS found FROM \`${table}\` WHERE ${column} IN (${part.join(", ")})`,
    );
    return {
      ...{ store: "mysql", what: table.replace("_", " ") },
      query: parts.length === 1 ? parts[0]! : `SELECT COUNT(*) FROM \`${table}\` WHERE ${column} IN (<chat ids>)`,
      async count() {
        let total = 0;
        for (const part of parts) total += await sql("", part).count();
        return total;
      },
    };
  }
}

function redisProbes({ redis, keyPrefix }: ProbedStores, { token, chat }: Target): Probe[] {
  const keys = (what: string, pattern: string): Probe => ({
    ...{ store: "redis", what, query: `SCAN 0 MATCH ${pattern} COUNT ${scanned}` },
    async count() {
      const found = new Set<string>();
      for (const server of redis()) {
        let cursor = "0";
        do {
          const [next, names] = await server.scan(cursor, "MATCH", pattern, "COUNT", scanned);
          for (const name of names) found.add(name);
          cursor = next;
        } while (cursor !== "0");
      }
      return found.size;
    },
  });
  const of = (kind: string): string => `${keyPrefix}:{p*}:${kind}:${token}${chat === undefined ? ":*" : `:${chat}`}`;
  return [
    keys("chat heads", of("head")),
    keys("pending messages", of("pending")),
    ...(chat === undefined
      ? [keys("idempotency keys", of("idem")), keys("any other key", `${keyPrefix}:{p*}:*:${token}*`)]
      : []),
  ];
}

function indexProbes({ index }: ProbedStores, { chat }: Target, ids: TargetIds): Probe[] {
  if (index === undefined || ids.application === undefined) return [];
  const { client, writeAlias } = index.connection;
  const documents = (what: string, terms: readonly Record<string, string[]>[]): Probe => ({
    ...{ store: "elasticsearch", what },
    query: `GET ${writeAlias}/_count {"query":{"bool":{"filter":[{"terms":${JSON.stringify(terms[0] ?? {})}}]}}}${terms.length > 1 ? " …" : ""}`,
    async count() {
      await client.indices.refresh({ index: writeAlias });
      let total = 0;
      for (const term of terms) {
        total += (await client.count({ index: writeAlias, query: { bool: { filter: [{ terms: term }] } } })).count;
      }
      return total;
    },
  });
  return [
    documents(
      "documents of its chats",
      chunks(ids.chats).map((part) => ({ chat_id: part.map(String) })),
    ),
    ...(chat === undefined
      ? [documents("documents of the application", [{ application_id: [String(ids.application)] }])]
      : []),
  ];
}

function chunks(ids: readonly bigint[]): bigint[][] {
  return Array.from({ length: Math.ceil(ids.length / chatsAtOnce) }, (_, at) =>
    ids.slice(at * chatsAtOnce, (at + 1) * chatsAtOnce),
  );
}
