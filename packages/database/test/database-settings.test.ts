import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase, isUnavailable, readDatabaseSettings } from "@confab/database";
import type { StoreSetting } from "@confab/runtime";
import { startGalera, startMysql, type ServerHandle } from "@confab/testkit";
import { expect } from "chai";

/** A word from each setting, by which the tests identify the setting. */
const names = ["flush", "sync_binlog", "packet", "wsrep_on", "group_replication", "read_only"] as const;
type Name = (typeof names)[number];
type Findings = Record<Name, Pick<StoreSetting, "found" | "verdict">>;

describe("the settings of the database", function () {
  this.timeout(120_000);
  const open: { folder: string; server: ServerHandle }[] = [];
  afterEach(async () => {
    for (const { folder, server } of open.splice(0)) {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  async function started(start: (dir: string) => Promise<ServerHandle>): Promise<ServerHandle> {
    const folder = await mkdtemp(join(tmpdir(), "confab-settings-"));
    const server = await start(folder);
    open.push({ folder, server });
    return server;
  }
  /** Starts a server with a user that only has privileges on its own databases. */
  const withOptions = (...args: string[]): Promise<ServerHandle> =>
    started((dir) => startMysql({ dir, args, rights: "own" }));

  async function read({ url }: ServerHandle, singleWriter = false): Promise<StoreSetting[]> {
    const database = createDatabase({ url, poolSize: 1, acquireTimeoutMs: 5_000 });
    try {
      return await readDatabaseSettings(database, { singleWriter });
    } finally {
      await database.close();
    }
  }
  const byName = (settings: StoreSetting[]): Findings =>
    Object.fromEntries(
      names.map((name) => {
        const { found, verdict } = settings.find(({ setting }) => setting.includes(name))!;
        return [name, { found, verdict }];
      }),
    ) as Findings;

  it("are all kept on the server of a local run", async () => {
    const settings = await read(await withOptions());
    expect(byName(settings)).to.deep.equal({
      flush: { found: "1", verdict: "kept" },
      sync_binlog: { found: "no binary log", verdict: "kept" },
      packet: { found: "16M", verdict: "kept" },
      wsrep_on: { found: "no Galera", verdict: "kept" },
      group_replication: { found: "no group", verdict: "kept" },
      read_only: { found: "OFF", verdict: "kept" },
    });
    for (const { advice } of settings) expect(advice).to.equal(undefined);
  });

  it("are at risk if commits are not flushed, statements do not fit or the server is read-only", async () => {
    const unflushed = ["--innodb-flush-log-at-trx-commit=2", "--log-bin=log", "--sync-binlog=0"];
    const settings = await read(await withOptions(...unflushed, "--max-allowed-packet=1M", "--read-only=1"));
    expect(byName(settings)).to.deep.include({
      flush: { found: "2", verdict: "at-risk" },
      sync_binlog: { found: "0", verdict: "at-risk" },
      packet: { found: "1M", verdict: "at-risk" },
      read_only: { found: "read_only ON", verdict: "at-risk" },
    });
    for (const { verdict, advice } of settings) expect(advice !== undefined).to.equal(verdict !== "kept");
  });

  it("are kept if the binary log is flushed and statements just fit", async () => {
    const server = await withOptions("--log-bin=log", "--sync-binlog=1", "--max-allowed-packet=4M");
    expect(byName(await read(server))).to.deep.include({
      sync_binlog: { found: "1", verdict: "kept" },
      packet: { found: "4M", verdict: "kept" },
    });
  });

  it("refuse a Galera cluster, unless the operator states that all writes go to one server", async () => {
    const galera = await started((dir) => startGalera({ dir }));
    const settings = await read(galera);
    expect(byName(settings)).to.deep.include({ wsrep_on: { found: "ON", verdict: "refused" } });
    const { advice } = settings.find(({ verdict }) => verdict === "refused")!;
    expect(advice).to.include("DATABASE_SINGLE_WRITER=on");
    expect(byName(await read(galera, true))).to.deep.include({
      wsrep_on: { found: "ON, DATABASE_SINGLE_WRITER=on", verdict: "kept" },
    });
  });

  it("accept a server with wsrep_on that is not in a Galera cluster", async () => {
    const { wsrep_on } = byName(await read(await withOptions("--wsrep-on=ON")));
    expect(wsrep_on).to.deep.equal({ found: "no Galera", verdict: "kept" });
  });

  it("cannot be read from a server that does not answer", async () => {
    const server = await withOptions();
    await server.stop();
    const error: unknown = await read(server).catch((reason: unknown) => reason);
    expect(isUnavailable(error), String(error)).to.equal(true);
  });
});
