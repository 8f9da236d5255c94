import { once } from "node:events";
import { createBacklog, withScripts } from "@confab/pending";
import { connectForRequests, whenReady } from "@confab/redis";
import { eventually, hasElasticsearch, testStores } from "@confab/testkit";
import { expect } from "chai";
import { startCommand, useStack } from "./stack.ts";

interface Printed {
  accepted_per_second: number | null;
  redis: { reachable: boolean; reason?: string; pending: number; stored_total: number; workers: number };
  database: { reachable: boolean; reason?: string; search_waiting: number; dead_letters: number };
  search: { reachable: boolean; backend: string };
}

describe("confabctl status", function () {
  this.timeout(120_000);
  const stack = useStack();

  before(async () => {
    const { token } = await stack.json<{ token: string }>("app", "create", "Watched");
    const { number: chat } = await stack.json<{ number: number }>("chat", "create", token);
    for (const body of ["one", "two"]) await stack.json("send", token, String(chat), body);
    await eventually(async () => {
      const [status] = await snapshots("--once", "--interval", "0.1");
      expect(status!.redis).to.include({ pending: 0, stored_total: 2 });
      expect(status!.database).to.include({ search_waiting: 0 });
    });
  });

  async function snapshots(...args: string[]): Promise<Printed[]> {
    const { stdout } = await stack.run(["status", "--json", ...args], { REDIS_URL: testStores().redisUrl });
    return lines(stdout);
  }

  it("shows pending messages and their age, the queues and the stores", async () => {
    const { code, stdout, stderr } = await stack.run(["status", "--once", "--interval", "0.1"], {
      REDIS_URL: testStores().redisUrl,
    });
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^Redis +in \d+ ms +[\d.]+ MiB used/m);
    expect(stdout).to.match(/^MySQL +in \d+ ms/m);
    expect(stdout).to.match(hasElasticsearch() ? /^Elasticsearch +in/m : /^search \(MySQL\) +in/m);
    expect(stdout).to.match(/^stored +0\.0 +0 +0\.0 s +\d+ workers?$/m);
    expect(stdout).to.match(/^searchable +0 +0\.0 s/m);
    expect(stdout).to.match(/^messages +0 +0 +0 +0 +0$/m);
  });

  it("prints one line of JSON per snapshot until it is interrupted", async () => {
    const { child, ended } = startCommand(["status", "--json", "--interval", "0.1"], {
      ...stack.env,
      REDIS_URL: testStores().redisUrl,
    });
    await once(child.stdout, "data");
    await once(child.stdout, "data");
    child.kill();
    const printed = lines((await ended).stdout);
    expect(printed.length).to.be.at.least(2);
    expect(printed[0]).to.deep.include({ accepted_per_second: 0, stored_per_second: 0 });
    expect(printed[0]!.redis.workers).to.be.at.least(1);
  });

  it("shows the other stores when one is unavailable, and says why that one is", async () => {
    const { code, stdout, stderr } = await stack.run(["status", "--json", "--once", "--interval", "0.1"], {
      REDIS_URL: "redis://127.0.0.1:1",
    });
    expect(code).to.equal(4);
    expect(stderr).to.equal("Unavailable: Redis. The reasons are above.\n");
    const [status] = lines(stdout);
    expect(status!.redis.reachable).to.equal(false);
    expect(status!.redis.reason).to.include("ECONNREFUSED 127.0.0.1:1");
    expect(status!.accepted_per_second).to.equal(null);
    expect(status!.database.reachable).to.equal(true);
  });

  it("counts what is accepted and not yet stored", async () => {
    const redis = withScripts(connectForRequests({ url: testStores().redisUrl }, "test"));
    await whenReady(redis, 5_000);
    const backlog = createBacklog(redis, { prefix: "status-test", partitions: 1 }, 0);
    expect((await backlog.depth()).pending).to.equal(0);
    await redis.set("status-test:{p0}:pending", "3");
    const { stdout } = await stack.run(["status", "--json", "--once", "--interval", "0.1"], {
      REDIS_URL: testStores().redisUrl,
      REDIS_KEY_PREFIX: "status-test",
    });
    expect(lines(stdout)[0]!.redis.pending).to.equal(3);
    await redis.del("status-test:{p0}:pending");
    redis.disconnect();
  });
});

function lines(text: string): Printed[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Printed);
}
