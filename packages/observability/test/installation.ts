import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate } from "@confab/database";
import {
  createTestDatabase,
  hasElasticsearch,
  startPrometheus,
  startRedis,
  startService,
  testStores,
  uniquePrefix,
} from "@confab/testkit";
import { chartFolder } from "../src/generated-files.ts";

/** All three services on stores of their own, and a Prometheus that scrapes them each second and evaluates the chart's rules. */
export async function startInstallation() {
  const folder = await mkdtemp(join(tmpdir(), "confab-observed-"));
  const database = await createTestDatabase();
  await migrate(database.url);
  const redis = await startRedis({ dir: join(folder, "redis"), args: ["--maxmemory", "256mb"] });
  const index = uniquePrefix("observed");
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    APPLICATION_RATE: "20",
    APPLICATION_BURST: "20",
    ...(hasElasticsearch() ? { SEARCH_INDEX: index } : {}),
  };
  const names = ["ingest", "api", "worker"] as const;
  const services = await Promise.all(names.map((name) => startService(name, env)));
  const targets = services.map(({ adminUrl }, place) => ({
    targets: [new URL(adminUrl).host],
    labels: { namespace: "test", service: names[place] },
  }));
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [join(chartFolder, "rules/*.yaml")],
    scrape_configs: [{ job_name: "confab", honor_labels: true, static_configs: targets }],
  };
  // YAML takes JSON.
  const prometheus = await startPrometheus({ dir: join(folder, "prometheus"), config: JSON.stringify(config) });
  return {
    ingest: services[0]!.url,
    api: services[1]!.url,
    prometheus: prometheus.url,
    async stop(): Promise<void> {
      await Promise.all([prometheus.stop(), ...services.map((service) => service.stop())]);
      await redis.stop();
      await database.drop();
      if (hasElasticsearch()) await removeIndices(index);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type Installation = Awaited<ReturnType<typeof startInstallation>>;

async function removeIndices(alias: string): Promise<void> {
  const url = testStores().elasticsearchUrl;
  const found = (await (await fetch(`${url}/_alias/${alias}`)).json()) as Record<string, unknown>;
  for (const index of Object.keys(found)) await fetch(`${url}/${index}`, { method: "DELETE" });
}
