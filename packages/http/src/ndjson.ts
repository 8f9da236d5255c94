import { maxBatchItems } from "@confab/contracts";
import { isBlank, tooManyItems } from "./batch-json.ts";
import { newline } from "./json-bytes.ts";
import { createPieces } from "./pieces.ts";

export interface LineDivider {
  readonly push: (chunk: Buffer) => void;
  /**
   * Returns the lines that are not blank and their numbers in the body, from 1. A line that exceeds the limit is
   * undefined.
   */
  end(): { lines: (Buffer | undefined)[]; numbers: number[] };
}

/**
 * Divides newline-delimited JSON into lines while it arrives, and refuses a batch request as soon as it has too many
 * lines.
 */
export function createLineDivider(lineBytes: number): LineDivider {
  const lines: (Buffer | undefined)[] = [];
  const numbers: number[] = [];
  const line = createPieces(lineBytes);
  let number = 1;

  function endLine(): void {
    if (line.length === 0) return;
    const text = line.finish();
    if (text !== undefined && isBlank(text)) return;
    if (lines.length === maxBatchItems) throw tooManyItems();
    lines.push(text);
    numbers.push(number);
  }

  return {
    push(chunk) {
      let from = 0;
      for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
        line.add(chunk, from, at);
        endLine();
        number += 1;
        from = at + 1;
      }
      line.add(chunk, from, chunk.length);
    },
    end() {
      endLine();
      return { lines, numbers };
    },
  };
}
