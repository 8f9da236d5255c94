import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { paths } from "@confab/local";

/** Results of the tests of one file. */
export interface Outcome {
  readonly passed: number;
  /** The full titles of the failed tests, each with its error on the next line. */
  readonly failed: readonly string[];
}

export interface Ran extends Outcome {
  readonly file: string;
  readonly seconds: number;
  /** Output of the tests and their reporter. */
  readonly output: string;
}

export interface Lane {
  run(file: string): Promise<Ran>;
  close(): Promise<void>;
}

const program = fileURLToPath(new URL("run-files.ts", import.meta.url));

/**
 * Creates a lane: a process with separate stores that runs one file after another. The process starts with the first
 * file. If it dies, another process replaces it. With `grep`, it runs only tests whose full names contain this text.
 */
export function openLane({ grep }: { readonly grep?: string | undefined } = {}): Lane {
  let child: ChildProcess | undefined;
  let output = "";

  async function start(): Promise<ChildProcess> {
    const started = fork(program, grep === undefined ? [] : [grep], {
      env: { NODE_COMPILE_CACHE: paths.code, ...process.env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const stream of [started.stdout!, started.stderr!])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    // The first message reports that the stores are ready.
    if ((await answerOf(started)) === undefined) throw new Error(`The stores of the tests do not start:\n${output}`);
    return started;
  }

  return {
    async run(file) {
      child ??= await start();
      const from = performance.now();
      child.send(file);
      const outcome = await answerOf(child);
      if (outcome === undefined) child = undefined;
      const seconds = (performance.now() - from) / 1000;
      const ran = { file, seconds, output, ...(outcome ?? { passed: 0, failed: [`${file} ended the process`] }) };
      output = "";
      return ran;
    },
    async close() {
      if (child === undefined) return;
      child.disconnect();
      await new Promise((resolve) => child!.once("exit", resolve));
    },
  };
}

/** Resolves with the next message of a process. Resolves with undefined if the process ends first. */
function answerOf(child: ChildProcess): Promise<Outcome | undefined> {
  return new Promise((resolve) => {
    const settle = (outcome?: Outcome) => {
      child.off("message", settle).off("exit", end);
      resolve(outcome);
    };
    const end = () => {
      settle();
    };
    child.on("message", settle).on("exit", end);
  });
}
