import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/**
 * Calls `work` with a file. For `-`, the file is a temporary copy of standard input, because an import reads its input
 * twice.
 */
export async function withInputFile<T>(given: string, stdin: Readable, work: (file: string) => Promise<T>): Promise<T> {
  if (given !== "-") return work(given);
  const folder = await mkdtemp(join(tmpdir(), "confabctl-import-"));
  try {
    const file = join(folder, "standard input");
    await pipeline(stdin, createWriteStream(file));
    return await work(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
