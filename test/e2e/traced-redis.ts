import { readFileSync, readdirSync, truncateSync } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ensureProgram, freePort, startServer } from "@confab/local";
import { askRedis, eventually, startRedis, type ServerHandle } from "@confab/testkit";
import { expect } from "chai";

export interface TracedRedis {
  readonly url: string;
  /** Waits until the next fsync of the append-only file has completed. */
  nextFsync(): Promise<void>;
  /**
   * Kills the server, removes the end of its append-only file that no completed fsync covers, like a power cut, and
   * starts the server on the same port. Returns the number of removed bytes.
   */
  cutPower(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Starts a Redis whose system calls are recorded. It pauses before each write to its append-only file, so that a kill
 * can hit this moment.
 */
export async function startTracedRedis(dir: string, appendfsync: string): Promise<TracedRedis> {
  const [redis, strace] = [await program("redis-server"), await program("strace")];
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const data = join(dir, "data");
  const calls = join(dir, "calls");
  await mkdir(data, { recursive: true });
  const options = {
    appendonly: "yes",
    appendfsync,
    save: "",
    dir: data,
    bind: "127.0.0.1",
    port: String(port),
    "enable-debug-command": "local",
    "auto-aof-rewrite-percentage": "0",
  };
  let server: ServerHandle = await startServer({
    name: "redis",
    url,
    port,
    command: strace,
    logFile: join(dir, "redis.log"),
    startTimeoutMs: 30_000,
    args: [
      "-f",
      "-s",
      "0",
      "-e",
      "trace=openat,write,fsync,fdatasync",
      "-o",
      calls,
      redis,
      ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    ],
    isReady: () =>
      askRedis(port, "PING").then(
        () => true,
        () => false,
      ),
  });
  await askRedis(port, "DEBUG AOF-FLUSH-SLEEP 3000");

  return {
    url,
    async nextFsync() {
      const before = durableBytes(readFileSync(calls, "utf8"));
      await eventually(() =>
        expect(durableBytes(readFileSync(calls, "utf8")), "bytes that an fsync covers").to.be.above(before),
      );
    },
    async cutPower() {
      const info = String(await askRedis(port, "INFO server"));
      process.kill(Number(/process_id:(\d+)/.exec(info)![1]), "SIGKILL");
      await eventually(async () => expect(await readFile(calls, "utf8")).to.include("killed by SIGKILL"));
      await server.kill();
      const folder = join(data, "appendonlydir");
      const file = join(
        folder,
        readdirSync(folder).find((name) => name.endsWith(".incr.aof"))!,
      );
      const { size } = await stat(file);
      const durable = durableBytes(readFileSync(calls, "utf8"));
      truncateSync(file, durable);
      server = await startRedis({ dir, port, args: ["--appendfsync", appendfsync] });
      return size - durable;
    },
    stop: () => server.kill(),
  };
}

const program = (name: string) => ensureProgram({ programs: [name], packages: [name] }, () => undefined);

/** Returns how many bytes of the append-only file were written before its last completed fsync began. */
export function durableBytes(calls: string): number {
  let file: string | undefined;
  let written = 0;
  let durable = 0;
  /** For each thread, the call that has begun and the bytes that were written by then. */
  const begun = new Map<string, { name: string; written: number }>();
  for (const line of calls.split("\n")) {
    const [, thread, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (thread === undefined || rest === undefined) continue;
    const opened = /^openat\(.*\.incr\.aof".*\) += (\d+)$/.exec(rest)?.[1];
    if (opened !== undefined) file = opened;
    const [, call, descriptor] = /^(write|fsync|fdatasync)\((\d+)/.exec(rest) ?? [];
    if (call !== undefined && descriptor === file) begun.set(thread, { name: call, written });
    const known = begun.get(thread);
    const result = /\) += (-?\d+)/.exec(rest)?.[1];
    if (known === undefined || result === undefined) continue;
    begun.delete(thread);
    if (known.name === "write") written += Math.max(0, Number(result));
    else if (result === "0") durable = Math.max(durable, known.written);
  }
  return durable;
}
