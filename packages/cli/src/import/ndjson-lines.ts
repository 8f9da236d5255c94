import { createReadStream } from "node:fs";

export interface Line {
  /** Line number in the file, from 1. */
  readonly number: number;
  readonly bytes: Uint8Array;
}

const newline = 0x0a;
const defaultChunkBytes = 256 * 1024;

/**
 * Yields the lines of a file as bytes, without line breaks; blank lines are counted and left out. node:readline would
 * also break lines at U+2028 and U+2029, which JSON allows in strings. `onChunk` receives every byte of the file.
 */
export async function* readLines(
  file: string,
  {
    onChunk,
    chunkBytes = defaultChunkBytes,
  }: { onChunk?: (chunk: Buffer) => void; chunkBytes?: number | undefined } = {},
): AsyncGenerator<Line> {
  let number = 0;
  let begun: Buffer[] = [];
  for await (const chunk of createReadStream(file, { highWaterMark: chunkBytes }) as AsyncIterable<Buffer>) {
    onChunk?.(chunk);
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const bytes =
        begun.length === 0 ? chunk.subarray(start, end) : Buffer.concat([...begun, chunk.subarray(start, end)]);
      begun = [];
      start = end + 1;
      number += 1;
      if (!isBlank(bytes)) yield { number, bytes };
    }
    if (start < chunk.length) begun.push(chunk.subarray(start));
  }
  const rest = Buffer.concat(begun);
  if (!isBlank(rest)) yield { number: number + 1, bytes: rest };
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
