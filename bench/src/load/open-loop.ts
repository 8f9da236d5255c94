import { fork } from "node:child_process";
import { once } from "node:events";
import type { OpenLoopCommand, OpenLoopReport } from "./open-loop-process.ts";

export interface OpenLoopResult {
  /**
   * How many requests had the expected status, and how many of these answers came within a second of sending and before
   * the end.
   */
  readonly answered: number;
  readonly useful: number;
  /** Milliseconds from the scheduled time to the answer. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Milliseconds from the scheduled time to the sending, 99th percentile. The latencies include this delay. */
  readonly lateP99: number;
  /** Milliseconds from the sending to the answer, 99th percentile. */
  readonly answerP99: number;
  /** How many requests were answered with 429 or 503, and how many were not answered. */
  readonly refused: number;
  readonly broken: number;
  /** CPU time of the process that sent the requests, in microseconds. */
  readonly cpu: number;
  /**
   * Why the load is void; empty if each request had the expected status. In an overload, 429 and 503 are not faults.
   */
  readonly faults: readonly string[];
}

/** Sends requests at a fixed rate from a separate process, whether or not earlier ones have been answered. */
export async function runOpenLoop(command: OpenLoopCommand): Promise<OpenLoopResult> {
  const child = fork(new URL(import.meta.resolve("./open-loop-process.ts")), {
    execArgv: ["--conditions=@confab/source"],
    serialization: "advanced",
  });
  try {
    child.send(command);
    const [report] = (await once(child, "message")) as [OpenLoopReport];
    const { latencies, delays, answerTimes, answered, useful, refused, wrong, broken } = report;
    const others = command.isOverload ? wrong : refused + wrong;
    return {
      answered,
      useful,
      refused,
      broken,
      cpu: report.cpu,
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      p999: percentile(latencies, 0.999),
      lateP99: percentile(delays, 0.99),
      answerP99: percentile(answerTimes, 0.99),
      faults: [
        ...(others > 0 ? [`${others} requests were not answered with ${command.expected}`] : []),
        ...(broken > 0 ? [`${broken} requests had no answer`] : []),
      ],
    };
  } finally {
    child.kill();
  }
}

/** Returns the value that this fraction of the values does not exceed, or NaN if there are no values. */
export function percentile(values: Float64Array, part: number): number {
  const sorted = values.toSorted();
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}
