import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startElasticsearch, startMysql, startProxy, startRedis } from "@confab/testkit";
import { describeAcceptance } from "./acceptance.ts";
import { run } from "./command.ts";
import { openRelease, type Release } from "./release.ts";

/** Address at which pods reach this machine. */
const host = process.env.CONFAB_E2E_HOST;

describe("Confab on stores outside the cluster", () => {
  let release: Release;
  const ends: (() => Promise<unknown>)[] = [];

  before(async () => {
    const address = host ?? (await nodeAddress());
    const dir = await mkdtemp(join(tmpdir(), "confab-e2e-"));
    ends.push(() => rm(dir, { recursive: true, force: true }));
    /** Starts a store and a proxy in front of it, because stores listen only on the loopback address. */
    const outside = async (start: (options: { dir: string }) => Promise<{ url: string; stop(): Promise<void> }>) => {
      const server = await start({ dir: await mkdtemp(join(dir, "store-")) });
      const proxy = await startProxy({ target: server.url, host: "0.0.0.0" });
      ends.unshift(() => proxy.close().then(() => server.stop()));
      return { url: new URL(server.url), port: String(proxy.port) };
    };
    const [mysql, redis, elasticsearch] = [
      await outside(startMysql),
      await outside(startRedis),
      await outside(startElasticsearch),
    ];
    release = await openRelease("confab-e2e-external", "external-stores-values.yaml");
    const password = `--from-literal=password=${decodeURIComponent(mysql.url.password)}`;
    await release.kubectl("create", "secret", "generic", "mysql-outside", password);
    await release.upgrade({
      "externalMysql.host": address,
      "externalMysql.port": mysql.port,
      "externalMysql.username": mysql.url.username,
      "externalMysql.existingSecret": "mysql-outside",
      "externalRedis.hosts[0]": address,
      "externalRedis.port": redis.port,
      "externalElasticsearch.hosts[0]": address,
      "externalElasticsearch.port": elasticsearch.port,
    });
  });
  after(async () => {
    await release.remove();
    for (const end of ends) await end();
  });

  describeAcceptance(() => release);
});

async function nodeAddress(): Promise<string> {
  const path = 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}';
  return run("kubectl", ["get", "nodes", "--output", path]);
}
