import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectForRequests, readRedisSettings, whenReady, type RedisAddress } from "@confab/redis";
import type { StoreSetting } from "@confab/runtime";
import { eventually, startRedis, startRedisCluster, type ServerHandle } from "@confab/testkit";
import { expect } from "chai";
import { Redis } from "ioredis";

type Expected = Parameters<typeof readRedisSettings>[1];

describe("the settings of Redis", function () {
  this.timeout(60_000);
  let folder: string;
  const servers: ServerHandle[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-settings-"));
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.kill()));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const limit = ["--maxmemory", "64mb"];
  async function start(...args: string[]): Promise<ServerHandle> {
    const server = await startRedis({ dir: await mkdtemp(join(folder, "server-")), args });
    servers.push(server);
    return server;
  }

  async function read(address: RedisAddress, expected: Partial<Expected> = {}): Promise<StoreSetting[]> {
    const redis = connectForRequests(address, "test", { timeoutMs: 5_000 });
    redis.on("error", () => undefined);
    try {
      await whenReady(redis, 5_000);
      return await readRedisSettings(redis, { durability: "always", minReplicas: 0, ...expected });
    } finally {
      redis.disconnect();
    }
  }
  /** Returns a short description of each setting that is not kept. */
  async function amiss(address: RedisAddress, expected: Partial<Expected> = {}): Promise<string[]> {
    const settings = await read(address, expected);
    const broken = settings.filter(({ verdict }) => verdict !== "kept");
    for (const { advice } of broken) expect(advice).to.match(/\.$/);
    return broken.map(({ server = "", setting, found, verdict }) =>
      `${server} ${setting}: ${found}, ${verdict}`.trim(),
    );
  }

  it("are all kept if it flushes before it answers, has a memory limit and evicts nothing", async () => {
    const settings = await read(await start(...limit));
    expect(settings.map(({ setting, found, verdict }) => [setting, found, verdict])).to.deep.equal([
      ["appendonly yes, appendfsync always", "appendonly yes, appendfsync always", "kept"],
      ["maxmemory below the machine's memory", "64.00M", "kept"],
      ["maxmemory-policy noeviction", "noeviction", "kept"],
      ["role master", "master", "kept"],
    ]);
  });

  it("are at risk if it flushes less often than expected, and kept if the operator accepts that", async () => {
    const everysec = await start(...limit, "--appendfsync", "everysec");
    const wanted = "appendonly yes, appendfsync always";
    expect(await amiss(everysec)).to.deep.equal([`${wanted}: appendonly yes, appendfsync everysec, at-risk`]);
    expect(await amiss(everysec, { durability: "everysec" })).to.deep.equal([]);
    const none = await start(...limit, "--appendonly", "no");
    expect(await amiss(none)).to.deep.equal([`${wanted}: appendonly no, at-risk`]);
    expect(await amiss(none, { durability: "everysec" })).to.deep.equal([
      "appendonly yes, appendfsync everysec: appendonly no, at-risk",
    ]);
    expect(await amiss(none, { durability: "no" })).to.deep.equal([]);
  });

  it("are at risk without a memory limit", async () => {
    expect(await amiss(await start())).to.deep.equal(["maxmemory below the machine's memory: no limit, at-risk"]);
  });

  it("are refused if it evicts, even if only keys with a TTL", async () => {
    for (const policy of ["allkeys-lru", "volatile-ttl"]) {
      const server = await start(...limit, "--maxmemory-policy", policy);
      expect(await amiss(server)).to.deep.equal([`maxmemory-policy noeviction: ${policy}, refused`]);
    }
  });

  it("are at risk on a replica, and with too few replicas to confirm a message", async () => {
    const master = await start(...limit);
    const replica = await start(...limit, "--replicaof", "127.0.0.1", String(master.port));
    await eventually(
      async () => {
        expect(await amiss(master, { minReplicas: 1 })).to.deep.equal([]);
      },
      { timeoutMs: 20_000 },
    );
    expect(await amiss(master, { minReplicas: 2 })).to.deep.equal([
      "2 connected replicas (REDIS_MIN_REPLICAS): 1 connected, at-risk",
    ]);
    expect(await amiss(replica)).to.deep.equal(["role master: replica, at-risk"]);
  });

  it("are unknown if this user may not read them", async () => {
    const server = await start(...limit);
    const admin = new Redis(server.url);
    await admin.call("ACL", ["SETUSER", "some", "on", ">some", "~*", "+@all", "-config"]);
    await admin.call("ACL", ["SETUSER", "few", "on", ">few", "~*", "+@all", "-config", "-info"]);
    admin.disconnect();
    const wanted = "appendonly yes, appendfsync always: not shown, unknown";
    expect(await amiss({ url: server.url, username: "some", password: "some" })).to.deep.equal([wanted]);
    const unknown = await read({ url: server.url, username: "few", password: "few" });
    expect(unknown.map(({ verdict }) => verdict)).to.deep.equal(["unknown", "unknown", "unknown", "unknown"]);
  });

  it("name the masters of a cluster only if they differ", async () => {
    const cluster = await startRedisCluster({ dir: join(folder, "cluster") });
    servers.push(...cluster.nodes);
    const admins = cluster.nodes.map(({ url }) => new Redis(url));
    for (const admin of admins) await admin.config("SET", "maxmemory", "64mb");
    expect(await read({ url: cluster.url, cluster: true })).to.have.lengthOf(4);
    expect(await amiss({ url: cluster.url, cluster: true })).to.deep.equal([]);
    await admins[1]!.config("SET", "maxmemory-policy", "allkeys-random");
    for (const admin of admins) admin.disconnect();
    expect(await amiss({ url: cluster.url, cluster: true })).to.deep.equal([
      `127.0.0.1:${cluster.nodes[1]!.port} maxmemory-policy noeviction: allkeys-random, refused`,
    ]);
    expect(await read({ url: cluster.url, cluster: true })).to.have.lengthOf(6);
  });

  it("cannot be read if no server answers", async () => {
    const server = await start();
    const redis = connectForRequests(server, "test");
    redis.on("error", () => undefined);
    await whenReady(redis, 5_000);
    await server.kill();
    const error: unknown = await eventually(async () => {
      const reason = await readRedisSettings(redis, { durability: "always", minReplicas: 0 }).catch(String);
      expect(reason).to.be.a("string");
      return reason;
    });
    redis.disconnect();
    expect(error).to.include("No Redis master answers");
  });
});
