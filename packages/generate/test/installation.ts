import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate } from "@confab/database";
import {
  createTestDatabase,
  freePort,
  hasElasticsearch,
  startPrometheus,
  startRedis,
  startService,
  testStores,
  uniquePrefix,
  type ServiceHandle,
} from "@confab/testkit";
import { startKubernetesPage } from "./kubernetes-page.ts";
import { writeRules } from "./written-rules.ts";

export interface InstallationOptions {
  /** Folder of the rules that Prometheus evaluates; by default the chart's rules. */
  readonly rules?: string;
  /** Environment variables for the services. */
  readonly env?: Readonly<Record<string, string>>;
}

type Name = "ingest" | "api" | "worker";

/**
 * Starts all three services on their own stores, a Prometheus that scrapes them every second and evaluates rules, and a
 * page with the series that Kubernetes would export. A service can be stopped and restarted on the same ports.
 */
export async function startInstallation({ rules, env: more }: InstallationOptions = {}) {
  const folder = await mkdtemp(join(tmpdir(), "confab-observed-"));
  const written = rules === undefined ? (await writeRules()).folder : undefined;
  const database = await createTestDatabase();
  await migrate(database.url);
  const redis = await startRedis({ dir: join(folder, "redis"), args: ["--maxmemory", "256mb"] });
  const kubernetes = await startKubernetesPage();
  const index = uniquePrefix("observed");
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    APPLICATION_MESSAGE_RATE: "20",
    APPLICATION_MESSAGE_BURST: "20",
    ...(hasElasticsearch() ? { SEARCH_INDEX: index } : {}),
    ...more,
  };
  const [ingest, api, worker] = await Promise.all([
    startAgainAndAgain("ingest", env),
    startAgainAndAgain("api", env),
    startAgainAndAgain("worker", env),
  ]);
  const services = { ingest, api, worker };
  const targets = Object.entries(services).map(([service, { adminUrl }]) => ({
    targets: [new URL(adminUrl).host],
    labels: { namespace: "test", service, pod: `confab-${service}-0` },
  }));
  const startAPrometheus = (name: string, ruleFolder: string) =>
    startPrometheus({
      dir: join(folder, name),
      // JSON is valid YAML.
      config: JSON.stringify({
        global: { scrape_interval: "1s", evaluation_interval: "1s" },
        rule_files: [join(ruleFolder, "*.yaml")],
        scrape_configs: [
          { job_name: "confab", honor_labels: true, static_configs: targets },
          {
            job_name: "kubernetes",
            honor_labels: true,
            static_configs: [{ targets: [new URL(kubernetes.url).host], labels: { namespace: "test" } }],
          },
        ],
      }),
    });
  const prometheus = await startAPrometheus("prometheus", rules ?? written ?? "");
  return {
    ingest: ingest.url,
    api: api.url,
    prometheus: prometheus.url,
    services,
    redis,
    databaseUrl: database.url,
    kubernetes,
    /** Starts another Prometheus with the same targets and other rules. */
    async startPrometheusWith(ruleFolder: string): Promise<{ url: string; stop(): Promise<void> }> {
      return startAPrometheus(uniquePrefix("prometheus"), ruleFolder);
    },
    async stop(): Promise<void> {
      await Promise.all([prometheus.stop(), ...Object.values(services).map((service) => service.stop())]);
      await kubernetes.stop();
      await redis.stop();
      await database.drop();
      if (hasElasticsearch()) await removeIndices(index);
      await rm(folder, { recursive: true, force: true });
      if (written !== undefined) await rm(written, { recursive: true });
    },
  };
}

/** Starts a service that keeps its ports across restarts. */
async function startAgainAndAgain(name: Name, env: Readonly<Record<string, string>>) {
  const ports = { PORT: String(await freePort()), ADMIN_PORT: String(await freePort()) };
  const start = () => startService(name, { ...env, ...ports });
  let running: ServiceHandle | undefined = await start();
  return {
    url: running.url,
    adminUrl: running.adminUrl,
    get pid() {
      return running?.pid;
    },
    async start(): Promise<void> {
      running ??= await start();
    },
    async stop(): Promise<void> {
      await running?.stop();
      running = undefined;
    },
  };
}

export type Installation = Awaited<ReturnType<typeof startInstallation>>;

async function removeIndices(alias: string): Promise<void> {
  const url = testStores().elasticsearchUrl;
  const found = (await (await fetch(`${url}/_alias/${alias}`)).json()) as Record<string, unknown>;
  for (const index of Object.keys(found)) await fetch(`${url}/${index}`, { method: "DELETE" });
}
