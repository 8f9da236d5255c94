import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { readLines } from "./ndjson-lines.ts";

describe("readLines", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-lines-"));
  });
  after(async () => {
    await rm(folder, { recursive: true });
  });

  async function read(bytes: Uint8Array, chunkBytes?: number) {
    const file = join(folder, "file");
    await writeFile(file, bytes);
    const lines: [number, string][] = [];
    let seen = Buffer.alloc(0);
    const onChunk = (chunk: Buffer): void => {
      seen = Buffer.concat([seen, chunk]);
    };
    for await (const { number, bytes } of readLines(file, { onChunk, chunkBytes })) {
      lines.push([number, Buffer.from(bytes).toString()]);
    }
    expect(seen.equals(bytes)).to.equal(true);
    return lines;
  }

  it("gives the lines that splitting the text gives, wherever the file's chunks end", async () => {
    const texts = fc.string({ unit: fc.constantFrom("a", "é", "\n", "\r", " ", "\u2028", "😀") });
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 1, max: 9 }), async (text, chunkBytes) => {
        const expected = text
          .split("\n")
          .map((line, index): [number, string] => [index + 1, line])
          .filter(([, line]) => !/^[ \t\r]*$/.test(line));
        expect(await read(Buffer.from(text), chunkBytes)).to.deep.equal(expected);
      }),
    );
  });
});
