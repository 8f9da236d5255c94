import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createTestDatabase } from "@confab/testkit";
import {
  MigrationError,
  createDatabase,
  createMigrationCheck,
  migrate,
  migrationStatus,
  type Database,
} from "@confab/database";
import { rejection } from "./setup.ts";

const own = join(import.meta.dirname, "../prisma/migrations");

interface Recorded {
  id: string;
  checksum: string;
  finished_at: Date | null;
  migration_name: string;
  logs: string | null;
  rolled_back_at: Date | null;
  started_at: Date;
  applied_steps_count: bigint;
}

describe("migrating the database", () => {
  let url: string;
  let created: Awaited<ReturnType<typeof createTestDatabase>>;
  let database: Database;
  let directory: string;

  beforeEach(async () => {
    created = await createTestDatabase();
    ({ url } = created);
    database = createDatabase({ url });
    directory = await mkdtemp(join(tmpdir(), "confab-migrations-"));
  });
  afterEach(async () => {
    await database.close();
    await created.drop();
    await rm(directory, { recursive: true });
  });

  const add = async (name: string, sql: string) => {
    await mkdir(join(directory, name), { recursive: true });
    await writeFile(join(directory, name, "migration.sql"), sql);
  };
  const recorded = () =>
    database.prisma.$queryRaw<Recorded[]>`SELECT * FROM _prisma_migrations ORDER BY started_at, id`;
  const refusal = async () => {
    const error = await rejection(migrate(url, { directory }));
    expect(error).to.be.instanceOf(MigrationError);
    return (error as MigrationError).message;
  };

  it("applies Confab's own migrations, which create all tables that the client reads, and then has nothing to do", async () => {
    expect((await migrationStatus(url)).applied).to.deep.equal([]);
    await rejection(createMigrationCheck(database)());
    const applied = await migrate(url);
    expect(applied[0]).to.equal("20261123000000_init");
    expect(await migrationStatus(url)).to.deep.equal({ applied, pending: [] });
    await createMigrationCheck(database)();
    expect(await migrate(url)).to.deep.equal([]);
    const { prisma } = database;
    const reads = [prisma.application, prisma.chat, prisma.message, prisma.storedBatch] as {
      findMany(): Promise<unknown>;
    }[];
    reads.push(prisma.searchOutboxEntry, prisma.deadLetter, prisma.idempotencyKey);
    for (const model of reads) expect(await model.findMany()).to.deep.equal([]);
  });

  it("creates a missing database", async () => {
    await created.drop();
    await migrate(url);
    await createMigrationCheck(database)();
  });

  it("records the same as Prisma", async () => {
    const sql = "CREATE TABLE a (id INT);\nCREATE TABLE b (id INT);\nINSERT INTO b VALUES (1);\n";
    await add("20260101000000_two", sql);
    const events: string[] = [];
    await migrate(url, { directory, onProgress: ({ name, state }) => events.push(`${name} ${state}`) });
    expect(events).to.deep.equal(["20260101000000_two applying", "20260101000000_two applied"]);
    const [row] = await recorded();
    expect(row).to.include({
      checksum: createHash("sha256").update(sql).digest("hex"),
      migration_name: "20260101000000_two",
      logs: null,
      rolled_back_at: null,
      applied_steps_count: 1n,
    });
    expect(row?.id).to.match(/^[0-9a-f-]{36}$/);
    expect(row?.finished_at).to.be.instanceOf(Date);
  });

  it("applies each migration once when several runs start at the same time", async () => {
    await cp(own, directory, { recursive: true });
    await add("20990101000000_counter", "CREATE TABLE runs (n INT); INSERT INTO runs VALUES (1); DO SLEEP(0.2);");
    const all = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isDirectory()).length;
    const runs = await Promise.all(Array.from({ length: 4 }, () => migrate(url, { directory })));
    expect(runs.filter((names) => names.length === all)).to.have.lengthOf(1);
    expect(runs.filter((names) => names.length === 0)).to.have.lengthOf(3);
    expect(await recorded()).to.have.lengthOf(all);
  });

  it("applies later migrations in the order of their names, and ignores rolled-back ones", async () => {
    await add("2_second", "INSERT INTO t VALUES (2)");
    await add("1_first", "CREATE TABLE t (id INT PRIMARY KEY)");
    expect(await migrate(url, { directory })).to.deep.equal(["1_first", "2_second"]);
    await add("3_third", "INSERT INTO t VALUES (3)");
    await database.prisma.$executeRaw`
      INSERT INTO _prisma_migrations (id, checksum, migration_name, rolled_back_at) VALUES ('x', 'y', '3_third', NOW(3))`;
    expect(await migrate(url, { directory })).to.deep.equal(["3_third"]);
  });

  it("refuses a migration that was changed after it was applied", async () => {
    await add("1_first", "CREATE TABLE t (id INT)");
    await migrate(url, { directory });
    await add("1_first", "CREATE TABLE t (id BIGINT)");
    expect(await refusal()).to.match(/1_first was changed .*\. Restore its file/);
  });

  it("refuses to continue after a failed migration, and keeps the server's error message", async () => {
    await add("1_first", "CREATE TABLE t (id INT); INSERT INTO nowhere VALUES (1);");
    await add("2_second", "CREATE TABLE u (id INT)");
    expect(await refusal()).to.match(/1_first failed \(.*nowhere.*\). Restore its tables/);
    const [row] = await recorded();
    expect(row).to.include({ finished_at: null, applied_steps_count: 0n });
    expect(row?.logs).to.contain("nowhere");
    expect(await refusal()).to.match(/1_first was started but did not finish\. .* then delete its row/);
    expect(await rejection(migrationStatus(url, { directory }))).to.be.instanceOf(MigrationError);
  });

  it("accepts a database that a newer version migrated, and refuses one with a different history", async () => {
    await add("1_first", "CREATE TABLE t (id INT)");
    await add("2_newer", "CREATE TABLE u (id INT)");
    await migrate(url, { directory });
    await rm(join(directory, "2_newer"), { recursive: true });
    expect(await migrate(url, { directory })).to.deep.equal([]);
    await createMigrationCheck(database, directory)();
    await add("2_other", "CREATE TABLE v (id INT)");
    expect(await refusal()).to.match(/2_newer, which this version does not know, but not 2_other\. Run the version/);
  });

  it("is not ready while a migration is missing", async () => {
    await add("1_first", "CREATE TABLE t (id INT)");
    await migrate(url, { directory });
    await add("2_second", "CREATE TABLE u (id INT)");
    expect(await rejection(createMigrationCheck(database, directory)()))
      .to.have.property("message")
      .that.contains("2_second");
  });

  it("reports what is wrong with an address", async () => {
    const { host } = new URL(url);
    expect(await rejection(migrate("postgres://x/y")))
      .to.have.property("message")
      .that.contains("mysql://");
    expect(await rejection(migrate(`mysql://app:app@${host}/`)))
      .to.have.property("message")
      .that.contains("no database name");
  });
});
