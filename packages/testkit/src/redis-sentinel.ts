import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { firstBytes, freePort, startRedis, startServer, type ServerHandle } from "@confab/local";
import { askRedis } from "./ask-redis.ts";
import { eventually } from "./eventually.ts";

export interface RedisSentinel {
  /** Addresses of all Sentinels as host:port, separated by commas. */
  readonly sentinels: string;
  readonly masterName: string;
  /**
   * The master and its replicas. The first server is the master at the start. All servers call fsync before they
   * answer.
   */
  readonly servers: readonly ServerHandle[];
  /** Resolves to the server that all Sentinels name as the master. */
  master(): Promise<ServerHandle>;
  /** Makes the Sentinels promote a replica. Resolves to the new master once all of them name it. */
  failover(): Promise<ServerHandle>;
  stop(): Promise<void>;
}

const masterName = "chat";
const [servers, sentinelCount, quorum] = [3, 3, 2];

/**
 * Starts a real master with two replicas and three Sentinels, which consider the master down after one second. With
 * `minReplicas`, the master refuses writes while it has fewer replicas.
 */
export async function startRedisSentinel({
  dir,
  minReplicas = 0,
}: {
  readonly dir: string;
  readonly minReplicas?: number;
}): Promise<RedisSentinel> {
  const common = ["--min-replicas-to-write", String(minReplicas), "--repl-diskless-sync-delay", "0"];
  const first = await startRedis({ dir: join(dir, "server-0"), args: common });
  const replicas = await Promise.all(
    Array.from({ length: servers - 1 }, (_, index) =>
      startRedis({
        dir: join(dir, `server-${index + 1}`),
        args: [...common, "--replicaof", "127.0.0.1", String(first.port)],
      }),
    ),
  );
  const all = [first, ...replicas];
  await eventually(
    async () => {
      const info = String(await askRedis(first.port, "INFO replication"));
      if (info.split("state=online").length !== servers) throw new Error(info);
    },
    { timeoutMs: 30_000, intervalMs: 100 },
  );
  const sentinels = await Promise.all(
    Array.from({ length: sentinelCount }, (_, index) =>
      startSentinel({
        dir: join(dir, `sentinel-${index}`),
        master: { name: masterName, host: "127.0.0.1", port: first.port },
        quorum,
      }),
    ),
  );

  const namedBy = async ({ port }: ServerHandle): Promise<number> => {
    const [, named] = (await askRedis(port, `SENTINEL GET-MASTER-ADDR-BY-NAME ${masterName}`)) as string[];
    return Number(named);
  };
  const master = async (): Promise<ServerHandle> => {
    const ports = await Promise.all(sentinels.map(namedBy));
    const found = all.find(({ port }) => ports.every((named) => named === port));
    if (!found) throw new Error(`the Sentinels name ${ports.join(", ")}`);
    return found;
  };
  await eventually(
    async () => {
      for (const { port } of sentinels) {
        const fields = (await askRedis(port, `SENTINEL MASTER ${masterName}`)) as string[];
        const known = (name: string): number => Number(fields[fields.indexOf(name) + 1]);
        if (known("num-slaves") < servers - 1 || known("num-other-sentinels") < sentinelCount - 1) {
          throw new Error(`a Sentinel knows ${fields.join(" ")}`);
        }
      }
    },
    { timeoutMs: 30_000, intervalMs: 100 },
  );
  return {
    sentinels: sentinels.map(({ port }) => `127.0.0.1:${port}`).join(","),
    masterName,
    servers: all,
    master,
    async failover() {
      const before = await master();
      return eventually(
        async () => {
          await askRedis(sentinels[0]!.port, `SENTINEL FAILOVER ${masterName}`).catch(() => undefined);
          const now = await eventually(master, { timeoutMs: 5_000, intervalMs: 100 });
          if (now === before) throw new Error("no failover yet");
          return now;
        },
        { timeoutMs: 60_000, intervalMs: 500 },
      );
    },
    async stop() {
      await Promise.all([...sentinels, ...all].map((server) => server.kill()));
    },
  };
}

/** Starts one Sentinel that monitors a master. `lines` are configuration lines, which precede those of the master. */
export async function startSentinel({
  dir,
  master,
  quorum: needed = 1,
  lines = [],
}: {
  readonly dir: string;
  readonly master: { readonly name: string; readonly host: string; readonly port: number };
  readonly quorum?: number;
  readonly lines?: readonly string[];
}): Promise<ServerHandle> {
  const port = await freePort();
  const file = join(dir, "sentinel.conf");
  await mkdir(dir, { recursive: true });
  // A Sentinel also saves its state in its configuration file.
  const { name, host, port: masterPort } = master;
  const all = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${dir}`,
    ...lines,
    `sentinel monitor ${name} ${host} ${masterPort} ${needed}`,
    `sentinel down-after-milliseconds ${name} 1000`,
    `sentinel failover-timeout ${name} 5000`,
  ];
  await writeFile(file, `${all.join("\n")}\n`);
  return startServer({
    name: "redis-sentinel",
    url: `redis://127.0.0.1:${port}`,
    port,
    command: "redis-server",
    args: [file, "--sentinel"],
    logFile: join(dir, "sentinel.log"),
    startTimeoutMs: 30_000,
    isReady: async () => (await firstBytes(port, "PING\r\n"))?.toString("latin1").startsWith("+PONG") === true,
  });
}
