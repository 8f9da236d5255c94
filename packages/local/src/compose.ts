import { join } from "node:path";
import { LocalError } from "./local-error.ts";
import { lastLine, run } from "./run.ts";

export type StoreName = "redis" | "mysql" | "elasticsearch";

const file = join(import.meta.dirname, "../compose.yaml");

/** Returns whether a Docker engine with Compose answers within 3 s. The client is often installed without an engine. */
export async function dockerAnswers(): Promise<boolean> {
  const engine = await run("docker", ["info"], { timeoutMs: 3000 });
  return engine.code === 0 && (await run("docker", ["compose", "version"], { timeoutMs: 3000 })).code === 0;
}

export interface ComposeSettings {
  readonly ports: Readonly<Record<StoreName, number>>;
  /** Passwords of the stores. MySQL keeps the one from the first start of its volume. */
  readonly passwords: Readonly<Record<"redis" | "mysql", string>>;
  readonly redisMaxmemory: string;
}

/** Starts the named stores as one Compose project. Resolves when their health checks pass. */
export async function composeUp(
  project: string,
  stores: readonly StoreName[],
  settings: ComposeSettings,
): Promise<void> {
  const { code, stderr } = await compose(project, ["up", "--detach", "--wait", ...stores], settings);
  if (code !== 0) throw new LocalError(`docker compose up failed: ${lastLine(stderr)}`);
}

const nothing: ComposeSettings = {
  ports: { redis: 0, mysql: 0, elasticsearch: 0 },
  passwords: { redis: "", mysql: "" },
  redisMaxmemory: "0",
};

/** Stops and removes the project's containers; with `dropData`, also its volumes. */
export async function composeDown(project: string, dropData: boolean): Promise<void> {
  const { code, stderr } = await compose(project, ["down", ...(dropData ? ["--volumes"] : [])], nothing);
  if (code !== 0) throw new LocalError(`docker compose down failed: ${lastLine(stderr)}`);
}

function compose(project: string, args: readonly string[], { ports, passwords, redisMaxmemory }: ComposeSettings) {
  const env = {
    CONFAB_REDIS_PORT: String(ports.redis),
    CONFAB_MYSQL_PORT: String(ports.mysql),
    CONFAB_ELASTICSEARCH_PORT: String(ports.elasticsearch),
    CONFAB_REDIS_PASSWORD: passwords.redis,
    CONFAB_MYSQL_PASSWORD: passwords.mysql,
    CONFAB_REDIS_MAXMEMORY: redisMaxmemory,
  };
  return run("docker", ["compose", "--file", file, "--project-name", project, ...args], { env });
}
