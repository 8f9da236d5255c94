import type { Database } from "@confab/database";
import type { serversOf } from "@confab/redis";
import type { ElasticsearchIndex } from "@confab/search";
import type { Target, TargetIds } from "./target.ts";

/** One question to one store. */
export interface Probe {
  readonly store: "mysql" | "redis" | "elasticsearch";
  /** The name of the things that are counted. */
  readonly what: string;
  /** The query, as somebody could send it by hand. */
  readonly query: string;
  count(): Promise<number>;
}

export interface ProbedStores {
  readonly database: Database;
  /** All servers that accept writes. */
  readonly redis: () => ReturnType<typeof serversOf>;
  readonly keyPrefix: string;
  /** Absent if MySQL answers searches. */
  readonly index: ElasticsearchIndex | undefined;
}

/** The tables with rows of a chat. */
export const probedTables = [
  "messages",
  "message_versions",
  "removed_histories",
  "message_changes",
  "deleted_numbers",
  "deleted_blocks",
  "chat_numberings",
  "reads",
  "dead_letters",
  "search_outbox",
];
const chatsAtOnce = 500;
const scanned = 1_000;

/**
 * Returns probes for everything that the stores could have of a target. The queries share no code with what erases it.
 */
export function probesOf(stores: ProbedStores, target: Target, ids: TargetIds): Probe[] {
  if (target.sender !== undefined) return senderProbes(stores, target.token, target.sender, ids);
  return [...mysqlProbes(stores, target, ids), ...redisProbes(stores, target), ...indexProbes(stores, target, ids)];
}

function sqlProbe({ database: { prisma } }: ProbedStores, what: string, query: string): Probe {
  return {
    store: "mysql",
    what,
    query,
    async count() {
      const [row] = await prisma.$queryRawUnsafe<{ found: bigint | number }[]>(query);
      return Number(row?.found ?? 0);
    },
  };
}

/** Text of damaged messages, whose senders are unknown. */
const damaged = "reason LIKE 'Redis returned a damaged message%' AND LENGTH(body) > 0";

/** They may belong to any chat. */
function damagedProbe(stores: ProbedStores): Probe {
  return sqlProbe(
    stores,
    "damaged letters of no chat",
    `SELECT COUNT(*) AS found FROM dead_letters WHERE chat_id IS NULL AND ${damaged}`,
  );
}

/** A sender's messages stay as tombstones, which name nobody. */
function senderProbes(stores: ProbedStores, token: string, sender: string, ids: TargetIds): Probe[] {
  // In hexadecimal, so that no text of a client becomes a part of a statement. A binary literal is compared byte for byte.
  const name = `x'${Buffer.from(sender).toString("hex")}'`;
  const letters = `SELECT COUNT(*) AS found FROM dead_letters WHERE application_token = '${token}'`;
  const requested = `SELECT MAX(epoch) FROM erasures WHERE application_token = '${token}' AND sender IN (${name}, UNHEX(SHA2(CONCAT('${token}:', ${name}), 256)))`;
  return [
    sqlProbe(
      stores,
      "requests that name the sender",
      `SELECT COUNT(*) AS found FROM erasures WHERE application_token = '${token}' AND sender = ${name}`,
    ),
    inChats(stores, ids, "messages", `sender = ${name}`),
    inChats(stores, ids, "reads", `reader = ${name}`),
    sqlProbe(
      stores,
      "dead letters",
      `${letters} AND CAST(JSON_UNQUOTE(JSON_EXTRACT(other_fields, '$.sender')) AS BINARY) = ${name}`,
    ),
    sqlProbe(
      stores,
      "damaged letters",
      // All of them, until there is a request.
      `${letters} AND ${damaged} AND (epoch IS NULL OR epoch < COALESCE((${requested}), epoch + 1))`,
    ),
    damagedProbe(stores),
    ...documentProbes(stores, ids, [{ term: { sender } }]),
  ];
}

/** Counts rows of the chats. An application may have too many chats for one statement. */
function inChats(stores: ProbedStores, ids: TargetIds, table: string, condition?: string, column = "chat_id"): Probe {
  const statement = (part: string): string =>
    `SELECT COUNT(*) AS found FROM \`${table}\` WHERE ${column} IN (${part})${condition === undefined ? "" : ` AND ${condition}`}`;
  const parts = chunks(ids.chats).map((part) => statement(part.join(", ")));
  return {
    store: "mysql",
    what: table.replace("_", " "),
    query: parts.length === 1 ? parts[0]! : statement("<chat ids>"),
    async count() {
      let total = 0;
      for (const part of parts) total += await sqlProbe(stores, "", part).count();
      return total;
    },
  };
}

function mysqlProbes(stores: ProbedStores, { token, chat }: Target, ids: TargetIds): Probe[] {
  const sql = (what: string, query: string): Probe => sqlProbe(stores, what, query);
  const ofChat = chat === undefined ? "" : ` AND chat_number = ${chat}`;
  return [
    ...(chat === undefined
      ? [sql("application", `SELECT COUNT(*) AS found FROM applications WHERE token = '${token}'`)]
      : []),
    inChats(stores, ids, "chats", undefined, "id"),
    ...probedTables.map((table) => inChats(stores, ids, table)),
    sql(
      "dead letters by token",
      `SELECT COUNT(*) AS found FROM dead_letters WHERE application_token = '${token}'${ofChat}`,
    ),
    damagedProbe(stores),
    ...(chat === undefined
      ? [
          sql("idempotency keys", `SELECT COUNT(*) AS found FROM idempotency_keys WHERE scope = '${token}'`),
          sql("keys", `SELECT COUNT(*) AS found FROM api_keys WHERE application_id = ${ids.application ?? 0n}`),
        ]
      : []),
  ];
}

function redisProbes({ redis, keyPrefix }: ProbedStores, { token, chat }: Target): Probe[] {
  const keys = (what: string, pattern: string): Probe => ({
    store: "redis",
    what,
    query: `SCAN 0 MATCH ${pattern} COUNT ${scanned}`,
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

function indexProbes(stores: ProbedStores, { chat }: Target, ids: TargetIds): Probe[] {
  if (ids.application === undefined) return [];
  const ofApplication = { terms: { application_id: [String(ids.application)] } };
  return [
    ...documentProbes(stores, ids, []),
    ...(chat === undefined ? documentProbes(stores, undefined, [ofApplication], "documents of the application") : []),
  ];
}

type Filter = { terms: Record<string, string[]> } | { term: Record<string, string> };

/** Counts documents, in some chats if ids are given. */
function documentProbes(
  { index }: ProbedStores,
  ids: TargetIds | undefined,
  filters: readonly Filter[],
  what = "documents of the chats",
): Probe[] {
  if (index === undefined) return [];
  const { client, writeAlias } = index.connection;
  const parts: Filter[][] = ids
    ? chunks(ids.chats).map((part) => [{ terms: { chat_id: part.map(String) } }, ...filters])
    : [[...filters]];
  const queries = parts.map((filter) => ({ bool: { filter } }));
  return [
    {
      store: "elasticsearch",
      what,
      query: `GET ${writeAlias}/_count ${JSON.stringify({ query: queries[0] })}${queries.length > 1 ? " …" : ""}`,
      async count() {
        await client.indices.refresh({ index: writeAlias });
        let total = 0;
        for (const query of queries) total += (await client.count({ index: writeAlias, query })).count;
        return total;
      },
    },
  ];
}

function chunks(ids: readonly bigint[]): bigint[][] {
  return Array.from({ length: Math.ceil(ids.length / chatsAtOnce) }, (_, at) =>
    ids.slice(at * chatsAtOnce, (at + 1) * chatsAtOnce),
  );
}
