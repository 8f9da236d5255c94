import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

export interface ConstantDepth {
  /** URL at which ingest listens. */
  readonly url: string;
  /** A file with one batch of messages per line. The batches are sent in turn. */
  readonly requests: string;
  readonly depth: number;
  /** Returns how many messages have left the backlog. */
  readonly done: () => number;
}

export interface RunningLoad {
  /** Returns how many messages were accepted and have not left the backlog. */
  backlog(): number;
  /** Ends the load. Resolves with the number of accepted messages, and with the reasons why the load is void. */
  end(): Promise<{ accepted: number; faults: readonly string[] }>;
}

const connections = 4;
const pauseMs = 5;

/** Sends a batch whenever the backlog is smaller than `depth`. */
export async function startConstantDepth({ url, requests, depth, done }: ConstantDepth): Promise<RunningLoad> {
  const batches = (await readFile(requests, "utf8")).trimEnd().split("\n");
  const headers = { "Content-Type": "application/json" };
  let [accepted, refused, sent, isEnding] = [0, 0, 0, false];
  const send = async () => {
    while (!isEnding) {
      if (accepted - done() >= depth) {
        await sleep(pauseMs);
        continue;
      }
      const body = batches[sent++ % batches.length]!;
      const answer = await fetch(`${url}/messages/batch`, { method: "POST", headers, body });
      if (answer.status !== 200) throw new Error(`ingest answered ${answer.status}`);
      const counts = (await answer.json()) as { accepted: number; refused: number };
      accepted += counts.accepted;
      refused += counts.refused;
    }
  };
  const sending = Promise.allSettled(Array.from({ length: connections }, send));
  return {
    backlog: () => accepted - done(),
    async end() {
      isEnding = true;
      const failed = (await sending).flatMap((end) => (end.status === "rejected" ? [String(end.reason)] : []));
      return { accepted, faults: [...failed, ...(refused > 0 ? [`${refused} messages were refused`] : [])] };
    },
  };
}
