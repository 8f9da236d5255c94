import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { freePort, startRedis, type ServerHandle } from "@confab/local";
import { eventually } from "./eventually.ts";

export interface RedisCluster {
  /** All nodes, separated by commas. */
  readonly url: string;
  /** Each a master of a third of the slots, without replicas; they fsync before they answer, as `startRedis`'s do. */
  readonly nodes: readonly ServerHandle[];
  stop(): Promise<void>;
}

const slots = 16_384;
const masters = 3;

/** A real Redis Cluster of three masters on free ports; where one is away, the others go on serving their own slots. */
export async function startRedisCluster({ dir }: { readonly dir: string }): Promise<RedisCluster> {
  const buses = await Promise.all(Array.from({ length: masters }, () => freePort()));
  const nodes = await Promise.all(
    buses.map((bus, index) => {
      const members = ["--cluster-enabled", "yes", "--cluster-port", String(bus), "--cluster-node-timeout", "2000"];
      const args = [...members, "--cluster-require-full-coverage", "no"];
      return startRedis({ dir: join(dir, `node-${index}`), args });
    }),
  );
  const end = (index: number): number => Math.floor((slots * index) / masters);
  await Promise.all(
    nodes.map(({ port }, index) => ask(port, `CLUSTER ADDSLOTSRANGE ${end(index)} ${end(index + 1) - 1}`)),
  );
  for (const [index, { port }] of nodes.entries())
    await ask(nodes[0]!.port, `CLUSTER MEET 127.0.0.1 ${port} ${buses[index]!}`);
  await eventually(
    async () => {
      for (const { port } of nodes) {
        const info = await ask(port, "CLUSTER INFO");
        if (!info.includes("cluster_state:ok") || !info.includes(`cluster_size:${masters}`)) throw new Error(info);
      }
    },
    { timeoutMs: 30_000, intervalMs: 100 },
  );
  return {
    url: nodes.map(({ url }) => url).join(","),
    nodes,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

/** One command as a line of text, as Redis also takes them; throws for an error. */
async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(`${command}\r\nQUIT\r\n`);
  const answer = await text(socket);
  if (answer.startsWith("-")) throw new Error(`${command}: ${answer}`);
  return answer;
}
