import { maxBatchItems } from "@confab/contracts";
import { isBlank, tooManyItems } from "./batch-json.ts";
import { createPieces } from "./pieces.ts";

const NEWLINE = 0x0a;

export interface LineDivider {
  readonly push: (chunk: Uint8Array) => void;
  /** Every line that is not blank; undefined where it is longer than a message can be. */
  end(): (Buffer | undefined)[];
}

/** Divides newline-delimited JSON into lines while it arrives, and refuses a batch at its first line too many. */
export function createLineDivider(lineBytes: number): LineDivider {
  const lines: (Buffer | undefined)[] = [];
  const line = createPieces(lineBytes);

  function endLine(): void {
    if (line.length === 0) return;
    const text = line.finish();
    if (text !== undefined && isBlank(text)) return;
    if (lines.length === maxBatchItems) throw tooManyItems();
    lines.push(text);
  }

  return {
    push(chunk) {
      let from = 0;
      for (let at = 0; at < chunk.length; at += 1) {
        if (chunk[at] !== NEWLINE) continue;
        line.add(chunk, from, at);
        endLine();
        from = at + 1;
      }
      line.add(chunk, from, chunk.length);
    },
    end() {
      endLine();
      return lines;
    },
  };
}
