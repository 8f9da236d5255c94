import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { openTestDatabase } from "./setup.ts";
import type { TestDatabase } from "./setup.ts";

interface Column {
  readonly tableName: string;
  readonly columnName: string;
  readonly type: string;
  readonly nullable: string;
}

const types: Record<string, string> = { BigInt: "bigint", Int: "int", DateTime: "datetime(3)" };

/** The columns of schema.prisma as `table.column type [null]`. */
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
  let test: TestDatabase;
  before(async () => {
    test = await openTestDatabase();
  });
  after(() => test.close());

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
});
