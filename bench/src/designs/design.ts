import { once } from "node:events";
import { createInterface } from "node:readline";
import { fork, spawn } from "node:child_process";
import type { Target } from "../load/messages.ts";
import type { Stores } from "../world.ts";

export interface Running {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The number of accepted messages that a design holds, and the faults found in them. */
export interface Held {
  readonly messages: number;
  /** Reasons why the measurement is void; empty if no fault was found in the messages. */
  readonly faults: readonly string[];
}

/** A design that accepts messages, for comparison with others. */
export interface Design {
  readonly name: string;
  startIngest(stores: Stores): Promise<Running>;
  readHeld(stores: Stores, target: Target): Promise<Held>;
}

/** Prefix of all Redis keys in the benchmark. */
export const prefix = "bench";

/** Returns the environment variables for every process of Confab and of the plain design. */
export function environmentOf({ redisUrl, databaseUrl }: Stores) {
  return {
    NODE_ENV: "production",
    LOG_LEVEL: "warn",
    REDIS_URL: redisUrl,
    DATABASE_URL: databaseUrl,
    REDIS_KEY_PREFIX: prefix,
  };
}

/** Starts a program that prints its port, and that exits when its standard input closes. */
export async function startProgram(program: string, env: Readonly<Record<string, string>>): Promise<Running> {
  const child = spawn(program, { env, stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const port = await Promise.race([once(lines, "line").then(([line]) => Number(line)), exited.then(() => undefined)]);
  if (port === undefined || child.pid === undefined) throw new Error(`${program} exited before it was ready`);
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

/** Starts one of the benchmark's files, which sends `{ port }` to this process when it is ready. */
export async function startFile(file: string, env: Readonly<Record<string, string>>): Promise<Running> {
  const child = fork(new URL(file), {
    execArgv: ["--conditions=@confab/source"],
    env: { PATH: process.env.PATH, ...env },
  });
  const exited = once(child, "exit");
  const first = await Promise.race([once(child, "message"), exited.then(() => undefined)]);
  if (first === undefined || child.pid === undefined) throw new Error(`${file} exited before it was ready`);
  const [{ port }] = first as [{ port: number }];
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
