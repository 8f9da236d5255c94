import { decodeContent, encodeOtherFields } from "@confab/contracts";
import { createConnection } from "mariadb";
import { createTestDatabase, testStores, uniquePrefix } from "@confab/testkit";
import {
  createElasticsearchIndex,
  createMysqlIndex,
  type ElasticsearchIndex,
  type MysqlIndexOptions,
  type SearchDocument,
  type SearchIndex,
} from "@confab/search";

/** A search index with a function that puts messages into it. */
export interface Backend {
  index: SearchIndex;
  put(documents: readonly SearchDocument[]): Promise<void>;
  close(): Promise<void>;
}

/** Prepares a separate index in the test run's Elasticsearch. `close` also removes the index. */
export async function createTestIndex({ shards = 1 } = {}): Promise<ElasticsearchIndex> {
  const name = uniquePrefix("search");
  const es = createElasticsearchIndex({ url: testStores().elasticsearchUrl, name, shards });
  await es.prepare();
  return {
    ...es,
    async close() {
      const { client } = es.connection;
      const all = await client.indices.getAlias({ name: [name, `${name}-*`] });
      for (const index of Object.keys(all)) await client.indices.delete({ index });
      await es.close();
    },
  };
}

export async function createElasticsearchBackend(): Promise<Backend> {
  const es = await createTestIndex();
  return {
    index: es,
    put: async (documents) => {
      await es.index(documents, { refresh: true });
    },
    close: () => es.close(),
  };
}

const createTable = `CREATE TABLE messages (
  chat_id BIGINT NOT NULL, number BIGINT NOT NULL, application_id BIGINT NOT NULL, chat_number INT NOT NULL, version BIGINT NOT NULL,
  body TEXT CHARACTER SET utf8mb4, other_fields TEXT CHARACTER SET utf8mb4,
  created_at DATETIME(3) NOT NULL, updated_at DATETIME(3) NOT NULL, PRIMARY KEY (chat_id, number))`;
const putRequest = `INSERT INTO messages (chat_id, number, application_id, chat_number, version, body, other_fields, created_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON DUPLICATE KEY UPDATE body = IF(VALUES(version) > version, VALUES(body), body),
  other_fields = IF(VALUES(version) > version, VALUES(other_fields), other_fields),
  updated_at = IF(VALUES(version) > version, VALUES(updated_at), updated_at), version = GREATEST(version, VALUES(version))`;
const newest = `SELECT number, version, body, other_fields, created_at, updated_at FROM messages
  WHERE chat_id = ? AND number < ? AND body IS NOT NULL ORDER BY number DESC LIMIT ?`;
const latestBefore = `SELECT number, created_at FROM messages
  WHERE chat_id = ? AND created_at < ? AND body IS NOT NULL ORDER BY number DESC LIMIT 1`;
const activeChats = `SELECT chat_id, chat_number, MAX(created_at) AS latest FROM messages
  WHERE application_id = ? GROUP BY chat_id, chat_number ORDER BY latest DESC LIMIT ?`;

interface Row {
  number: bigint;
  version: bigint;
  body: string;
  other_fields: string;
  created_at: Date;
  updated_at: Date;
}

export async function createMysqlBackend(options: Omit<MysqlIndexOptions, "messages"> = {}): Promise<Backend> {
  const database = await createTestDatabase();
  const { hostname, port, username, password, pathname } = new URL(database.url);
  const connection = await createConnection({
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: pathname.slice(1),
    allowPublicKeyRetrieval: true,
    timezone: "Z",
  });
  await connection.query(createTable);
  const index = createMysqlIndex({
    ...options,
    messages: {
      newest: async (chatId, { before = Number.MAX_SAFE_INTEGER, limit }) => {
        const rows = await connection.query<Row[]>(newest, [chatId, before, limit]);
        return rows.map(({ number, version, body, other_fields, created_at, updated_at }) => ({
          number: Number(number),
          version: Number(version),
          changeNumber: version === 1n ? null : Number(version),
          uid: new Uint8Array(16),
          ...decodeContent(body, other_fields).content,
          createdAt: created_at,
          updatedAt: updated_at,
        }));
      },
      latestBefore: async (bounds) => {
        const found: { chatId: bigint; number: number; createdAt: Date }[] = [];
        for (const { chatId, before } of bounds) {
          const rows = await connection.query<Row[]>(latestBefore, [chatId, before]);
          found.push(...rows.map((row) => ({ chatId, number: Number(row.number), createdAt: row.created_at })));
        }
        return found;
      },
      activeChats: async (applicationId, limit) => {
        type Active = { chat_id: bigint; chat_number: number; latest: Date }[];
        const rows = await connection.query<Active>(activeChats, [applicationId, limit]);
        return rows.map((row) => ({ chatId: row.chat_id, chatNumber: row.chat_number, lastMessageAt: row.latest }));
      },
    },
  });
  return {
    index,
    put: async (documents) => {
      const rows = documents.map((document) => {
        const { chatId, number, applicationId, chatNumber, version, body, createdAt, updatedAt, deletedAt } = document;
        const content = deletedAt === null ? [body, encodeOtherFields(document)] : [null, null];
        return [chatId, number, applicationId, chatNumber, version, ...content, createdAt, updatedAt];
      });
      await connection.batch(putRequest, rows);
      await index.index(documents);
    },
    close: async () => {
      await index.close();
      await connection.end();
      await database.drop();
    },
  };
}
