import { Agent, get } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { cpuFiguresOf, type CpuTimes } from "../processes.ts";
import { percentile } from "./open-loop.ts";

/** A request, and a check for the right answer. */
export interface Question {
  readonly path: string;
  isRight(answer: unknown): boolean;
}

export interface ReadsOptions {
  readonly url: string;
  /** Questions by kind. The kinds take turns, and so do the questions of a kind. */
  readonly questions: Readonly<Record<string, readonly Question[]>>;
  readonly seconds: number;
}

export interface ReadsResult {
  /** Milliseconds from the request to the end of the answer, by kind. */
  readonly latencies: Readonly<Record<string, Float64Array>>;
  readonly faults: readonly string[];
}

/** Sends GET requests over one connection, one after the other, and checks every answer. */
export async function runReads({ url, questions, seconds }: ReadsOptions): Promise<ReadsResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const kinds = Object.entries(questions).map(([name, list]) => ({ name, list, latencies: [] as number[], wrong: 0 }));
  try {
    const until = performance.now() + 1_000 * seconds;
    for (let round = 0; performance.now() < until; round += 1) {
      for (const kind of kinds) {
        const question = kind.list[round % kind.list.length]!;
        const began = performance.now();
        const { status, text } = await read(agent, `${url}${question.path}`);
        kind.latencies.push(performance.now() - began);
        if (status !== 200 || !question.isRight(JSON.parse(text))) kind.wrong += 1;
        // In this turn, the event loop finishes what the check has left, so that it does not count toward the next
        // latency.
        await turn();
      }
    }
  } finally {
    agent.destroy();
  }
  return {
    latencies: Object.fromEntries(kinds.map(({ name, latencies }) => [name, Float64Array.from(latencies)])),
    faults: kinds.flatMap(({ name, wrong }) => (wrong > 0 ? [`${name}: ${wrong} answers were not right`] : [])),
  };
}

/** Returns the name of a figure for one kind of read. */
export function readFigure(kind: string, percentile: "p50" | "p95"): string {
  return `${kind}, ${percentile}, ms`;
}

/** Returns the percentiles of each kind, and the CPU time of each process per read. `unit` is the name for one read. */
export function figuresOfReads({ latencies }: ReadsResult, cpu: CpuTimes, unit: string): Record<string, number | null> {
  const all = Object.entries(latencies);
  const reads = all.reduce((total, [, { length }]) => total + length, 0);
  const percentiles = all.flatMap(([kind, values]) => [
    [readFigure(kind, "p50"), percentile(values, 0.5)],
    [readFigure(kind, "p95"), percentile(values, 0.95)],
  ]);
  return { ...(Object.fromEntries(percentiles) as Record<string, number>), ...cpuFiguresOf(cpu, unit, reads) };
}

function read(agent: Agent, url: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode, text });
      });
    }).on("error", reject);
  });
}
