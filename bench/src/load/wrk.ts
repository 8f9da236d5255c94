import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { ensureProgram } from "@confab/local";

export interface WrkLoad {
  readonly url: string;
  readonly path: string;
  /** A file with the body of one request per line. The requests are sent in turn. */
  readonly requests: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface WrkResult {
  readonly answered: number;
  readonly seconds: number;
  /** Latencies in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Why the load is void; empty if each request was answered with a status below 400. */
  readonly faults: readonly string[];
}

interface Summary {
  readonly answered: number;
  readonly microseconds: number;
  readonly refused: number;
  readonly broken: number;
  readonly p50: number;
  readonly p99: number;
}

const run = promisify(execFile);
const script = join(import.meta.dirname, "messages.lua");
const graceMs = 30_000;

/** Installs wrk if it is missing and can be installed. Resolves with its version. */
export async function ensureWrk(): Promise<string> {
  const wrk = await ensureProgram({ programs: ["wrk"], packages: ["wrk"] }, console.error);
  // With `-v`, wrk exits with 1 even if it works.
  const { stdout } = spawnSync(wrk, ["-v"], { encoding: "utf8" });
  return /^wrk (\S+)/.exec(stdout)?.[1] ?? "unknown";
}

/** Sends requests over keep-alive connections. Each connection waits for an answer before it sends the next request. */
export async function runWrk({ url, path, requests, connections, seconds }: WrkLoad): Promise<WrkResult> {
  const size = ["--threads", "1", "--connections", String(connections), "--duration", `${seconds}s`];
  const { stdout } = await run("wrk", [...size, "--timeout", "10s", "--script", script, url, "--", path, requests], {
    timeout: seconds * 1_000 + graceMs,
  });
  const line = stdout.split("\n").find((text) => text.startsWith("{"));
  if (line === undefined) throw new Error(`wrk printed no summary:\n${stdout}`);
  const { answered, microseconds, refused, broken, p50, p99 } = JSON.parse(line) as Summary;
  return {
    answered,
    seconds: microseconds / 1e6,
    p50: p50 / 1_000,
    p99: p99 / 1_000,
    faults: [
      ...(refused > 0 ? [`${refused} requests were refused`] : []),
      ...(broken > 0 ? [`${broken} requests had no answer`] : []),
    ],
  };
}
