import { closeSync, openSync, readSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Calls `onLine` for each line that the file gets from now on, after its last 2,000 bytes' lines; until `signal`. */
export async function follow(file: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
  const size = sizeOf(file);
  let offset = Math.max(0, size - 2000);
  // The first line is cut off, unless the file begins there.
  let skipsFirst = offset > 0;
  let rest: Buffer = Buffer.alloc(0);
  while (!signal.aborted) {
    if (sizeOf(file) < offset) offset = 0;
    const bytes = read(file, offset);
    offset += bytes.length;
    const text = Buffer.concat([rest, bytes]);
    const end = text.lastIndexOf(0x0a);
    rest = text.subarray(end + 1);
    const lines = end < 0 ? [] : text.toString("utf8", 0, end).split("\n");
    for (const line of skipsFirst ? lines.splice(1) : lines) onLine(line);
    if (lines.length > 0) skipsFirst = false;
    await sleep(200);
  }
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
