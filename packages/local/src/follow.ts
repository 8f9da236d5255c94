import { closeSync, openSync, readSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Whole lines at the end of a file, and the offset after them. */
export interface Tail {
  readonly lines: readonly string[];
  readonly end: number;
}

const tailBytes = 8000;

/** Returns the whole lines in the last 8,000 bytes of the file, or none if there is no file. */
export function readTail(file: string): Tail {
  const start = Math.max(0, sizeOf(file) - tailBytes);
  const { lines, length } = wholeLines(read(file, start));
  // The first line is incomplete, unless the file begins there.
  return { lines: start > 0 ? lines.slice(1) : lines, end: start + length };
}

/** Calls `onLine` for each line that is in the file after `offset` or is appended to it, until `signal` aborts. */
export async function follow(
  file: string,
  offset: number,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // If the file is shorter than before, log rotation has emptied it.
    if (sizeOf(file) < offset) offset = 0;
    const { lines, length } = wholeLines(read(file, offset));
    offset += length;
    for (const line of lines) onLine(line);
    await sleep(200);
  }
}

function wholeLines(bytes: Buffer): { readonly lines: string[]; readonly length: number } {
  const end = bytes.lastIndexOf(0x0a);
  if (end < 0) return { lines: [], length: 0 };
  return { lines: bytes.toString("utf8", 0, end).split("\n"), length: end + 1 };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function read(file: string, offset: number): Buffer {
  const length = Math.min(Math.max(0, sizeOf(file) - offset), 1024 * 1024);
  if (length === 0) return Buffer.alloc(0);
  const descriptor = openSync(file, "r");
  try {
    const buffer = Buffer.alloc(length);
    return buffer.subarray(0, readSync(descriptor, buffer, 0, length, offset));
  } finally {
    closeSync(descriptor);
  }
}
