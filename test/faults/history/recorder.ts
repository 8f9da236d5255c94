import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import type { HistoryLine } from "./lines.ts";

export interface Recorder {
  /** Returns the nanoseconds since the recorder was created, on a monotonic clock. */
  now(): number;
  write(line: HistoryLine): void;
  close(): Promise<void>;
}

/**
 * Creates a recorder that appends lines to a file in the order of the calls. The run never reads or changes the lines.
 */
export function createRecorder(file: string): Recorder {
  const start = process.hrtime.bigint();
  const stream = createWriteStream(file, { flags: "wx" });
  return {
    now: () => Number(process.hrtime.bigint() - start),
    write(line) {
      stream.write(`${JSON.stringify(line)}\n`);
    },
    async close() {
      stream.end();
      await once(stream, "close");
    },
  };
}

/** Identifies a body by its first word and a hash of the whole body. */
export function fingerprint(body: string): { uid: string; hash: string } {
  const end = body.indexOf(" ");
  return {
    uid: end < 0 ? body.slice(0, 80) : body.slice(0, end),
    hash: createHash("sha256").update(body).digest("hex").slice(0, 16),
  };
}
