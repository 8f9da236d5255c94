import { ProblemError, maxBatchItems } from "@confab/contracts";
import {
  backslash,
  closeArray,
  closeObject,
  comma,
  openArray,
  openObject,
  quotationMark,
  isWhiteSpace,
} from "./json-bytes.ts";
import { createPieces } from "./pieces.ts";

/** Maximum bytes of a batch request besides its messages. */
const frameBytes = 65_536;
/** The length of `"messages"` with every letter escaped. */
const longestKey = 50;

/** A batch request's body in parts that can be parsed one by one. */
export interface DividedBatch {
  /** The text of each message; undefined if it exceeds the limit. */
  readonly items: (Buffer | undefined)[];
  /** The rest of the body, such as `{"messages":[0,1,2]}`: each number is the index of a message in `items`. */
  readonly frame: Buffer;
}

export interface BatchDivider {
  readonly push: (chunk: Buffer) => void;
  /** Throws a ProblemError, as `push` does, if the body is too large. Whether it is JSON shows when its parts are parsed. */
  end(): DividedBatch;
}

/**
 * Divides `{"messages":[…]}` while it arrives, so that a batch request becomes neither one large text nor one large tree,
 * and a body that is too large is refused as soon as that shows. It looks only at strings, brackets and commas. The body is
 * JSON if and only if all its parts are, because replacing one value by another keeps JSON valid.
 */
export function createBatchDivider(itemBytes: number): BatchDivider {
  const items: (Buffer | undefined)[] = [];
  const item = createPieces(itemBytes);
  const frame = createPieces(frameBytes);
  let depth = 0;
  let inString = false;
  let isEscaped = false;
  let inMessages = false;
  /** The last string on the top level: the key of the next value. */
  let key: number[] = [];

  function endItem(separator: "," | ""): void {
    const text = item.finish();
    // An empty position stays empty in the frame, which then is not valid JSON either.
    const isEmpty = text !== undefined && isBlank(text);
    if (!isEmpty && items.length === maxBatchItems) throw tooManyItems();
    const place = Buffer.from(`${isEmpty ? "" : items.length}${separator}`);
    frame.add(place, 0, place.length);
    if (!isEmpty) items.push(text);
  }

  /** Reads on in a string, from `start` on. Returns the position after the string, or the end of the chunk. */
  function readString(chunk: Uint8Array, start: number): number {
    let at = isEscaped ? start + 1 : start;
    while (at < chunk.length && chunk[at] !== quotationMark) at += chunk[at] === backslash ? 2 : 1;
    inString = at >= chunk.length;
    isEscaped = at > chunk.length;
    const end = Math.min(at + 1, chunk.length);
    if (depth === 1 && key.length <= longestKey) key.push(...chunk.subarray(start, Math.min(end, start + longestKey)));
    return end;
  }

  function push(chunk: Buffer): void {
    let from = 0;
    for (let at = inString ? readString(chunk, 0) : 0; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      switch (byte) {
        case quotationMark:
          if (depth === 1) key = [quotationMark];
          at = readString(chunk, at + 1) - 1;
          break;
        case openArray:
        case openObject:
          depth += 1;
          if (depth === 2 && byte === openArray && isMessages(key)) {
            frame.add(chunk, from, at + 1);
            from = at + 1;
            inMessages = true;
          }
          break;
        case closeArray:
        case closeObject:
          depth -= 1;
          if (inMessages && depth === 1) {
            item.add(chunk, from, at);
            endItem("");
            from = at;
            inMessages = false;
          }
          break;
        case comma:
          if (inMessages && depth === 2) {
            item.add(chunk, from, at);
            endItem(",");
            from = at + 1;
          }
          break;
      }
    }
    (inMessages ? item : frame).add(chunk, from, chunk.length);
    if (frame.length > frameBytes) throw frameTooLarge();
  }

  return { push, end: () => ({ items, frame: frame.finish() ?? Buffer.alloc(0) }) };
}

/** Returns whether a text is only JSON's white space; JSON.parse must see every other control character. */
export function isBlank(text: Uint8Array): boolean {
  return text.every(isWhiteSpace);
}

export function tooManyItems(): ProblemError {
  return new ProblemError("payload-too-large", {
    detail: `The batch request has more than ${maxBatchItems} messages. Split it.`,
  });
}

function frameTooLarge(): ProblemError {
  return new ProblemError("payload-too-large", {
    detail: `The batch request has more than ${frameBytes} bytes besides its messages. Remove other fields and white space.`,
  });
}

function isMessages(key: readonly number[]): boolean {
  if (key.length > longestKey) return false;
  const text = String.fromCharCode(...key);
  if (!text.includes("\\")) return text === '"messages"';
  try {
    return JSON.parse(text) === "messages";
  } catch {
    return false;
  }
}
