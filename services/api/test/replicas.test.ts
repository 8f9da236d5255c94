import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectForRequests, whenReady, type RedisConnection } from "@confab/redis";
import { eventually, startRedis, type ServerHandle } from "@confab/testkit";
import { expect } from "chai";
import { jsonOf, problemOf, startApi, type Api } from "./start.ts";
import { openWorld, type Chat, type World } from "./world.ts";

describe("the api when a replica must have a message before it is shown", function () {
  this.timeout(60_000);
  let folder: string;
  let [servers, world, api, replica]: [ServerHandle[], World?, Api?, RedisConnection?] = [[]];
  let chat: Chat;
  let path: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-replicas-"));
    const master = await startRedis({ dir: join(folder, "master"), args: ["--repl-diskless-sync-delay", "0"] });
    servers = [master, await startRedis({ dir: join(folder, "replica") })];
    replica = connectForRequests({ url: servers[1]!.url }, "test");
    await whenReady(replica, 5_000);
    world = await openWorld({ redisUrl: master.url });
    api = await startApi(world, { REDIS_URL: master.url, REDIS_MIN_REPLICAS: "1" });
    chat = await world.newChat();
    path = `/applications/${chat.token}/chats/${chat.number}/messages`;
    await world.accept(chat, "one", "two", "three");
    await world.store((number) => number === 1);
  });
  after(async () => {
    await api?.stop();
    await world?.close();
    replica?.disconnect();
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  });
  const listed = async () => (jsonOf(await api!.get(path)) as { number: number }[]).map(({ number }) => number);
  const follow = (...master: [string, string | number]) => replica!.call("REPLICAOF", ...master);

  it("shows all accepted messages once the replica has them", async () => {
    await follow("127.0.0.1", servers[0]!.port);
    await eventually(async () => expect(await listed()).to.deep.equal([1, 2, 3]));
    expect(jsonOf(await api!.get(`${path}/3`))).to.include({ number: 3, body: "three" });
  });

  it("shows stored messages and reports that others are missing, if the replica was promoted and the old master is still running", async () => {
    await follow("NO", "ONE");
    await world!.accept(chat, "four");
    expect(await listed()).to.deep.equal([1]);
    expect(jsonOf(await api!.get(`${path}/1`))).to.include({ number: 1, body: "one" });
    problemOf(await api!.get(`${path}/4`), "service-unavailable");
    expect(await Promise.all(Array.from({ length: 5 }, listed))).to.deep.equal(Array.from({ length: 5 }, () => [1]));
  });
});
