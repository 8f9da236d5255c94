import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectForRequests, connectForWork, whenReady, type RedisAddress, type RedisConnection } from "@confab/queue";
import {
  createCertificate,
  eventually,
  freePort,
  startRedis,
  startRedisCluster,
  type RedisCluster,
} from "@confab/testkit";
import { expect } from "chai";
import { Redis } from "ioredis";

const password = "p@ss:w/o?rd#%25,=&é";
const open: RedisConnection[] = [];

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

  it("log in with what the URL says or with what stands apart, and use TLS with a certificate that Node trusts", async () => {
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

  describe("to a cluster", () => {
    let cluster: RedisCluster;
    before(async () => {
      cluster = await startRedisCluster({ dir: join(folder, "cluster") });
    });
    after(() => cluster.stop());

    it("fail requests soon while a master is away, and work again by themselves", async () => {
      const redis = connectForRequests({ url: cluster.url, cluster: true }, "test");
      open.push(redis.on("error", () => undefined));
      await whenReady(redis, 5000);
      await cluster.nodes[0]!.kill();
      const keys = Array.from({ length: 20 }, (_, place) => `{p${place}}:kept`);
      const statuses = (await Promise.allSettled(keys.map((key) => redis.set(key, 1)))).map(({ status }) => status);
      expect([...new Set(statuses)]).to.have.members(["fulfilled", "rejected"]);
      await cluster.nodes[0]!.start();
      await eventually(() => Promise.all(keys.map((key) => redis.set(key, 1))));
    });

    it("log in to every node with one login, whatever nodes the URL names", async () => {
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
      for (let place = 0; place < 20; place++) expect(await redis.incr(`{p${place}}:counter`)).to.equal(1);
    });
  });
});
