import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectForRequests, connectForWork, whenReady, type RedisAddress, type RedisConnection } from "@confab/redis";
import {
  createCertificate,
  eventually,
  freePort,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  startSentinel,
  type RedisCluster,
  type RedisSentinel,
} from "@confab/testkit";
import { expect } from "chai";
import { Redis } from "ioredis";

const password = "p@ss:w/o?rd#%25,=&é";
const open: RedisConnection[] = [];
/** Converts command-line options to lines of a configuration file. */
const optionsAsLines = (options: readonly string[]): string[] =>
  options.flatMap((option, index) => (index % 2 === 0 ? [`${option.slice(2)} ${options[index + 1]!}`] : []));

async function whoAmI(address: RedisAddress): Promise<unknown> {
  const redis = connectForWork(address, "test");
  open.push(redis.on("error", () => undefined));
  await whenReady(redis, 3000);
  return redis.call("ACL", ["WHOAMI"]);
}

describe("connections to Redis", function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-redis-"));
  });
  afterEach(() => {
    for (const redis of open.splice(0)) redis.disconnect();
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("log in with the URL or with separate options, and use TLS with a certificate that Node trusts", async () => {
    const { certFile, keyFile, trust } = await createCertificate(folder);
    const tlsPort = await freePort();
    const files = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", certFile];
    const args = ["--tls-port", String(tlsPort), "--tls-auth-clients", "no", ...files];
    const server = await startRedis({ dir: join(folder, "single"), args });
    const admin = new Redis(server.url);
    await admin.call("ACL", ["SETUSER", "confab", "on", `>${password}`, "~*", "+@all"]);
    admin.disconnect();
    const host = `127.0.0.1:${server.port}`;
    const secure = `rediss://localhost:${tlsPort}`;

    expect(await whoAmI({ url: `redis://${host}` })).to.equal("default");
    expect(await whoAmI({ url: `redis://confab:${encodeURIComponent(password)}@${host}/1` })).to.equal("confab");
    expect(await whoAmI({ url: `redis://${host}`, username: "confab", password })).to.equal("confab");
    expect(await whoAmI({ url: `redis://nobody:wrong@${host}`, username: "confab", password })).to.equal("confab");

    const untrusted = await whoAmI({ url: secure, username: "confab", password }).catch(String);
    expect(untrusted).to.include("self-signed certificate");
    const distrust = trust();
    expect(await whoAmI({ url: secure, username: "confab", password })).to.equal("confab");
    distrust();
    await server.stop();
  });

  describe("through Sentinels", () => {
    let watched: RedisSentinel;
    before(async () => {
      watched = await startRedisSentinel({ dir: join(folder, "sentinel") });
    });
    after(() => watched.stop());
    const addressOf = ({ sentinels, masterName }: RedisSentinel): RedisAddress => ({
      url: `redis://${sentinels}`,
      sentinel: { masterName },
    });

    it("reach the master, with different logins for the master and the Sentinels", async () => {
      const master = await watched.master();
      const ports = watched.sentinels.split(",").map((address) => Number(address.split(":")[1]));
      for (const port of [master.port, ...ports]) {
        const admin = new Redis(port);
        await admin.call("ACL", [
          "SETUSER",
          "confab",
          "on",
          `>${password}${port === master.port ? "" : "!"}`,
          "allkeys",
          "allchannels",
          "+@all",
        ]);
        if (port !== master.port)
          await admin.call("ACL", ["SETUSER", "default", "resetkeys", "-@all", "+auth", "+hello"]);
        admin.disconnect();
      }
      const address = { ...addressOf(watched), username: "confab", password };
      const named = { masterName: watched.masterName, username: "confab", password: `${password}!` };
      expect(await whoAmI({ ...address, sentinel: named })).to.equal("confab");
      const refused = await whoAmI({ ...address, sentinel: { ...named, password: "wrong" } }).catch(String);
      expect(refused).to.include("All sentinels are unreachable");
      for (const port of ports) {
        const admin = new Redis(port, { username: "confab", password: `${password}!` });
        await admin.call("ACL", ["SETUSER", "default", "allkeys", "allchannels", "+@all"]);
        admin.disconnect();
      }
    });

    it("leave a server that became a replica", async () => {
      const redis = connectForRequests(addressOf(watched), "test");
      open.push(redis.on("error", () => undefined));
      await whenReady(redis, 5000);
      await redis.set("before", 1);
      const [demoted, promoted] = [await watched.master(), await watched.failover()];
      expect(promoted.port).not.to.equal(demoted.port);
      await eventually(() => redis.set("after", 1), { timeoutMs: 20_000 });
      expect(await redis.role()).to.include("master");
    });
  });

  it("to one address leave a server that became a replica or is read-only", async () => {
    const server = await startRedis({ dir: join(folder, "demoted") });
    const redis = connectForRequests({ url: server.url }, "test");
    open.push(redis.on("error", () => undefined));
    await whenReady(redis, 5000);
    const admin = new Redis(server.url);
    await admin.replicaof("127.0.0.1", 1);
    const idOf = () => redis.client("ID");
    const before = await idOf();
    const refused = await redis.set("key", 1).catch(String);
    expect(refused).to.include("READONLY");
    await eventually(async () => {
      expect(await idOf()).not.to.equal(before);
    });
    admin.disconnect();
    await server.stop();
  });

  it("find a master through Sentinels with TLS everywhere", async () => {
    const { certFile, keyFile, trust } = await createCertificate(folder);
    const [port, tlsPort, sentinelPort] = [await freePort(), await freePort(), await freePort()];
    const files = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", certFile];
    const tls = ["--tls-auth-clients", "no", "--tls-replication", "yes", ...files];
    const server = await startRedis({
      dir: join(folder, "tls-server"),
      port,
      args: ["--tls-port", String(tlsPort), ...tls],
    });
    const lines = ["sentinel resolve-hostnames yes", "sentinel announce-hostnames yes"];
    const sentinel = await startSentinel({
      dir: join(folder, "tls-sentinel"),
      master: { name: "chat", host: "localhost", port: tlsPort },
      lines: [...lines, `tls-port ${sentinelPort}`, ...optionsAsLines(tls)],
    });
    const distrust = trust();
    const address = { url: `rediss://localhost:${sentinelPort}`, sentinel: { masterName: "chat" } };
    expect(await whoAmI(address)).to.equal("default");
    distrust();
    await Promise.all([server.kill(), sentinel.kill()]);
  });

  describe("to a cluster", () => {
    let cluster: RedisCluster;
    before(async () => {
      cluster = await startRedisCluster({ dir: join(folder, "cluster") });
    });
    after(() => cluster.stop());

    it("fail requests soon while a master is unavailable, and recover by themselves", async () => {
      const redis = connectForRequests({ url: cluster.url, cluster: true }, "test");
      open.push(redis.on("error", () => undefined));
      await whenReady(redis, 5000);
      await cluster.nodes[0]!.kill();
      const keys = Array.from({ length: 20 }, (_, partition) => `{p${partition}}:kept`);
      const statuses = (await Promise.allSettled(keys.map((key) => redis.set(key, 1)))).map(({ status }) => status);
      expect([...new Set(statuses)]).to.have.members(["fulfilled", "rejected"]);
      await cluster.nodes[0]!.start();
      await eventually(() => Promise.all(keys.map((key) => redis.set(key, 1))));
    });

    it("use one login for every node, whichever nodes are in the URL", async () => {
      for (const { url } of cluster.nodes) {
        const admin = new Redis(url);
        await admin.call("ACL", ["SETUSER", "confab", "on", `>${password}`, "~*", "+@all"]);
        await admin.call("ACL", ["SETUSER", "default", "off"]);
        admin.disconnect();
      }
      const redis = connectForRequests(
        { url: cluster.nodes[2]!.url, cluster: true, username: "confab", password },
        "test",
      );
      open.push(redis.on("error", () => undefined));
      await whenReady(redis, 5000);
      for (let partition = 0; partition < 20; partition++)
        expect(await redis.incr(`{p${partition}}:counter`)).to.equal(1);
    });
  });
});
