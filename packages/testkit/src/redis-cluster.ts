import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { freePort, startRedis, type ServerHandle } from "@confab/local";
import { eventually } from "./eventually.ts";

export interface SlotMove {
  /** Source and target of the slot, as indexes of `nodes`. */
  readonly from: number;
  readonly to: number;
  /** Any key in the slot. */
  readonly key: string;
  /** Pause in ms between two groups of keys. */
  readonly pauseMs: number;
}

export interface RedisCluster {
  /** URLs of all nodes, separated by commas. */
  readonly url: string;
  /**
   * The nodes of the cluster. Each is a master of a third of the slots, without replicas, and calls fsync before it
   * answers, like the servers of `startRedis`.
   */
  readonly nodes: readonly ServerHandle[];
  /** Resolves to the index in `nodes` of the node that serves a key's slot. */
  ownerOf(key: string): Promise<number>;
  /**
   * Moves a key's slot to another master while the slot is in use, some keys at a time, like `redis-cli --cluster
   * reshard --cluster-replace`. Resolves to the keys that both nodes had during the move. For these, the moved copy
   * replaces the other one.
   */
  moveSlot(move: SlotMove): Promise<string[]>;
  stop(): Promise<void>;
}

const slots = 16_384;
const masters = 3;
const keysAtOnce = 50;

/**
 * Starts a real Redis Cluster of three masters on free ports. If a master is unavailable, the others still serve their
 * own slots.
 */
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
  const slotOf = async (key: string) => Number(lineOf(await ask(nodes[0]!.port, `CLUSTER KEYSLOT ${key}`), 0).slice(1));
  const idOf = async (index: number) => lineOf(await ask(nodes[index]!.port, "CLUSTER MYID"), 1);
  const countKeys = async (index: number, slot: number) =>
    Number(lineOf(await ask(nodes[index]!.port, `CLUSTER COUNTKEYSINSLOT ${slot}`), 0).slice(1));
  return {
    url: nodes.map(({ url }) => url).join(","),
    nodes,
    async ownerOf(key) {
      const slot = await slotOf(key);
      for (const [index, { port }] of nodes.entries()) {
        const own = (await ask(port, "CLUSTER NODES")).split("\n").find((line) => line.includes("myself"))!;
        const ranges = own
          .split(" ")
          .slice(8)
          .map((range) => range.split("-").map(Number));
        if (ranges.some(([first = NaN, last = first]) => slot >= first && slot <= last)) return index;
      }
      throw new Error(`no node serves slot ${slot}`);
    },
    async moveSlot({ from, to, key, pauseMs }) {
      const [slot, source, target] = [await slotOf(key), nodes[from]!, nodes[to]!];
      const [sourceId, targetId] = [await idOf(from), await idOf(to)];
      const busy: string[] = [];
      await ask(target.port, `CLUSTER SETSLOT ${slot} IMPORTING ${sourceId}`);
      await ask(source.port, `CLUSTER SETSLOT ${slot} MIGRATING ${targetId}`);
      while ((await countKeys(from, slot)) > 0) {
        const answer = await ask(source.port, `CLUSTER GETKEYSINSLOT ${slot} ${keysAtOnce}`);
        const keys = answer.split("\r\n").filter((line) => line.includes("{"));
        const migrate = (options: string) => ask(source.port, `MIGRATE 127.0.0.1 ${target.port} "" 0 5000 ${options}`);
        await migrate(`KEYS ${keys.join(" ")}`).catch(async (error: unknown) => {
          if (!String(error).includes("BUSYKEY")) throw error;
          for (const busyKey of keys) {
            const remains = (await ask(source.port, `EXISTS ${busyKey}`)).startsWith(":1");
            if (remains) busy.push(busyKey);
            if (remains) await migrate(`REPLACE KEYS ${busyKey}`);
          }
        });
        await sleep(pauseMs);
      }
      for (const { port } of [target, source, ...nodes]) await ask(port, `CLUSTER SETSLOT ${slot} NODE ${targetId}`);
      return busy;
    },
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

function lineOf(answer: string, index: number): string {
  return answer.split("\r\n")[index] ?? "";
}

/** Sends one command as a line of text, which Redis also accepts. Throws if the answer is an error. */
async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(`${command}\r\nQUIT\r\n`);
  const answer = await text(socket);
  if (answer.startsWith("-")) throw new Error(`${command}: ${answer}`);
  return answer;
}
