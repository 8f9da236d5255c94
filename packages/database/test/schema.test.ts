import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { useForAll } from "@confab/testkit";
import { expect } from "chai";
import { tablesOfChats } from "@confab/database";
import { openTestDatabase } from "./setup.ts";

interface Column {
  readonly tableName: string;
  readonly columnName: string;
  readonly type: string;
  readonly nullable: string;
}

/** Texts that no statement compares. */
const notCompared = [
  "applications.name",
  "chats.name",
  "chats.metadata",
  "messages.body",
  "messages.metadata",
  "message_versions.body",
  "message_versions.metadata",
  "dead_letters.other_fields",
  "dead_letters.reason",
  "dead_letters.request_id",
  "api_keys.name",
  "api_keys.public_key",
  "api_keys.scopes",
  "installation.value",
  "audit_log.actor",
  "audit_log.act",
  "audit_log.application",
  "audit_log.key_id",
  "audit_log.request_id",
];
/** Texts of a fixed length without spaces, and names that are part of the code. Anything else is refused before a statement has it. */
const ofOneFormat = [
  "applications.token",
  "dead_letters.application_token",
  "erasures.application_token",
  "idempotency_keys.scope",
  "api_keys.public_id",
  "installation.name",
];

const types: Record<string, string> = { BigInt: "bigint", Int: "int", Float: "double", DateTime: "datetime(3)" };

/** Returns the columns of schema.prisma as `table.column type [null]`. */
async function described(): Promise<string[]> {
  const schema = await readFile(join(import.meta.dirname, "../prisma/schema.prisma"), "utf8");
  const models = [...schema.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)];
  const names = new Set(models.map(([, name]) => name));
  return models.flatMap(([, , body = ""]) => {
    const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? "";
    return [...body.matchAll(/^ {2}(\w+) +(\w+)(\[\])?(\?)?(.*)$/gm)].flatMap(
      ([, field, type = "", , optional, rest = ""]) => {
        if (names.has(type)) return [];
        const column = / @map\("(\w+)"\)/.exec(rest)?.[1] ?? field;
        const native = /@db\.(\w+)(\(\d+\))?/.exec(rest);
        const sql = types[type] ?? `${native?.[1]?.toLowerCase() ?? ""}${native?.[2] ?? ""}`;
        return `${table}.${column} ${sql}${optional ? " null" : ""}`;
      },
    );
  });
}

describe("the schema", () => {
  const test = useForAll(openTestDatabase);

  it("describes every table and column as the migrations create them", async () => {
    const columns = await test.database.prisma.$queryRaw<Column[]>`
      SELECT table_name AS tableName, column_name AS columnName, column_type AS type, is_nullable AS nullable
        FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name <> '_prisma_migrations'`;
    const made = columns.map(({ tableName, columnName, type, nullable }) => {
      // MariaDB still reports a display width for integers.
      const plain = type.replace(/^(bigint|int)\(\d+\)$/, "$1");
      return `${tableName}.${columnName} ${plain}${nullable === "YES" ? " null" : ""}`;
    });
    expect(made.sort()).to.deep.equal((await described()).sort());
  });

  it("compares every identifier byte for byte: a text column ignores spaces at the end", async () => {
    const texts = await test.database.prisma.$queryRaw<{ name: string }[]>`
      SELECT CONCAT(table_name, '.', column_name) AS name FROM information_schema.columns
       WHERE table_schema = DATABASE() AND collation_name IS NOT NULL AND table_name <> '_prisma_migrations'`;
    expect(texts.map(({ name }) => name)).to.have.members([...notCompared, ...ofOneFormat]);
  });

  it("stores every text byte for byte, in transactional tables", async () => {
    const { prisma } = test.database;
    const texts = await prisma.$queryRaw<{ collation: string }[]>`
      SELECT DISTINCT collation_name AS collation FROM information_schema.columns
       WHERE table_schema = DATABASE() AND collation_name IS NOT NULL AND table_name <> '_prisma_migrations'`;
    expect(texts).to.deep.equal([{ collation: "utf8mb4_bin" }]);
    const engines = await prisma.$queryRaw<{ engine: string }[]>`
      SELECT DISTINCT engine AS engine FROM information_schema.tables WHERE table_schema = DATABASE()`;
    expect(engines).to.deep.equal([{ engine: "InnoDB" }]);
  });

  it("has no table with rows of a chat that an erasure forgets", async () => {
    const { prisma } = test.database;
    const found = await prisma.$queryRaw<{ name: string }[]>`
      SELECT TABLE_NAME AS name FROM information_schema.COLUMNS
       WHERE TABLE_SCHEMA = DATABASE() AND COLUMN_NAME = 'chat_id'`;
    // The journal of erasures itself, and ranges that end once they are indexed.
    const others = ["erased_chats", "search_outbox"];
    expect(found.map(({ name }) => name)).to.have.members([...tablesOfChats, ...others]);
  });
});
