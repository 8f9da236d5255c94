import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreSetting } from "@confab/runtime";
import { createTestDatabase, startProxy, startRedis, type ServerHandle } from "@confab/testkit";
import { expect } from "chai";
import { runCommand, type Ended } from "./stack.ts";

const limit = ["--maxmemory", "64mb"];
const sound = [
  ["redis", "appendonly yes, appendfsync always", "kept"],
  ["redis", "maxmemory below the machine's memory", "kept"],
  ["redis", "maxmemory-policy noeviction", "kept"],
  ["redis", "role master", "kept"],
  ["database", "innodb_flush_log_at_trx_commit = 1", "kept"],
  ["database", "sync_binlog = 1", "kept"],
  ["database", "max_allowed_packet = 4M or more", "kept"],
  ["database", "wsrep_on = OFF", "kept"],
  ["database", "group_replication_single_primary_mode = ON", "kept"],
  ["database", "read_only = OFF", "kept"],
];

describe("confabctl config check --stores", function () {
  this.timeout(60_000);
  let folder: string;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  const servers: ServerHandle[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-settings-"));
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.kill()));
  });
  after(async () => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  async function redisWith(...args: string[]): Promise<string> {
    const server = await startRedis({ dir: await mkdtemp(join(folder, "redis-")), args });
    servers.push(server);
    return server.url;
  }
  const check = (env: Record<string, string>, ...args: string[]): Promise<Ended> =>
    runCommand(["config", "check", "--stores", ...args], {
      DATABASE_URL: database.url,
      SEARCH_BACKEND: "mysql",
      ...env,
    });

  it("prints promise, setting and what was found, and ends well where all is kept", async () => {
    const REDIS_URL = await redisWith(...limit);
    const { code, stdout, stderr } = await check({ REDIS_URL }, "worker");
    expect(stderr).to.equal("");
    expect(code).to.equal(0);
    const [first, , head, ...rows] = stdout.trimEnd().split("\n");
    expect(first).to.equal("worker: usable");
    expect(head).to.match(/^STORE +PROMISE +SETTING +FOUND +VERDICT$/);
    expect(rows).to.have.lengthOf(sound.length);
    expect(rows[2]).to.match(/^redis +Redis drops no accepted .* +maxmemory-policy noeviction +noeviction +kept$/);

    const { services, settings } = JSON.parse((await check({ REDIS_URL }, "--json")).stdout) as {
      services: { service: string }[];
      settings: StoreSetting[];
    };
    expect(services.map(({ service }) => service)).to.deep.equal(["ingest", "api", "worker"]);
    expect(settings.map(({ store, setting, verdict }) => [store, setting, verdict])).to.deep.equal(sound);
  });

  it("ends with 78 and says what to do where a promise is at risk or refused", async () => {
    const REDIS_URL = await redisWith(...limit, "--appendfsync", "everysec", "--maxmemory-policy", "allkeys-lru");
    const { code, stdout, stderr } = await check({ REDIS_URL });
    expect(code).to.equal(78);
    expect(stdout).to.match(/appendonly yes, appendfsync everysec +at-risk$/m);
    expect(stdout).to.match(/allkeys-lru +refused$/m);
    expect(stdout).to.include("Set maxmemory-policy noeviction. Until then no message is accepted.");
    expect(stderr).to.include("The stores do not keep 2 of 10 promises");

    await redisWith();
    const everysec = await redisWith(...limit, "--appendfsync", "everysec");
    expect((await check({ REDIS_URL: everysec })).code).to.equal(78);
    expect((await check({ REDIS_URL: everysec, REDIS_DURABILITY: "everysec" })).code).to.equal(0);
  });

  it("reaches no store with a configuration that is not usable", async () => {
    const { code, stdout } = await check({ REDIS_URL: "redis://127.0.0.1:1", PARTITIONS: "0" }, "worker");
    expect(code).to.equal(78);
    expect(stdout).to.match(/^worker: not usable\n {2}PARTITIONS: /);
  });

  it("ends with 4 where a store does not answer, and shows what the other one says", async () => {
    const REDIS_URL = await redisWith(...limit);
    const password = "never-shown";
    const away = `mysql://confab:${password}@127.0.0.1:1/confab`;
    const withoutDatabase = await check({ REDIS_URL, DATABASE_URL: away });
    expect(withoutDatabase.code).to.equal(4);
    expect(withoutDatabase.stderr).to.include("Check DATABASE_URL and that the server is running.");
    expect(withoutDatabase.stdout).to.match(/maxmemory-policy noeviction +noeviction +kept$/m);
    expect(withoutDatabase.stdout + withoutDatabase.stderr).to.not.include(password);

    const withoutRedis = await check({ REDIS_URL: "redis://127.0.0.1:1" });
    expect(withoutRedis.code).to.equal(4);
    expect(withoutRedis.stderr).to.include("Check REDIS_URL and that the server is running.");
    expect(withoutRedis.stdout).to.match(/innodb_flush_log_at_trx_commit = 1 +1 +kept$/m);
  });

  it("waits some seconds at most for stores that are silent", async () => {
    const redis = await startProxy({ target: await redisWith(...limit) });
    const silent = await startProxy({ target: database.url });
    redis.pause();
    silent.pause();
    try {
      const began = performance.now();
      const { code } = await check({ REDIS_URL: redis.url, DATABASE_URL: silent.url });
      expect(code).to.equal(4);
      expect(performance.now() - began).to.be.below(15_000);
    } finally {
      await Promise.all([redis.close(), silent.close()]);
    }
  });
});
