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

/** Maximum number of bytes of a batch request, not counting its messages. */
const frameBytes = 65_536;
/** Length of `"messages"` with every letter escaped. */
const longestKey = 50;

/** The body of a batch request, divided into parts that can be parsed one by one. */
export interface DividedBatch {
  /** The text of each message, or undefined if it exceeds the limit. */
  readonly items: (Buffer | undefined)[];
  /** The rest of the body, such as `{"messages":[0,1,2]}`: each number is the index of a message in `items`. */
  readonly frame: Buffer;
}

export interface BatchDivider {
  readonly push: (chunk: Buffer) => void;
  /**
   * Returns the divided body. Throws a ProblemError, like `push`, if the body is too large. Does not check whether the
   * body is JSON: parsing its parts does that.
   */
  end(): DividedBatch;
}

/**
 * Divides `{"messages":[…]}` while it arrives, so that a batch request never becomes one large text or one large tree,
 * and a body is refused as soon as it exceeds a limit. It checks only strings, brackets and commas. The body is JSON if
 * and only if all its parts are, because replacing one value with another keeps JSON valid.
 */
export function createBatchDivider(itemBytes: number): BatchDivider {
  const items: (Buffer | undefined)[] = [];
  const item = createPieces(itemBytes);
  const frame = createPieces(frameBytes);
  let depth = 0;
  let inString = false;
  let isEscaped = false;
  let inMessages = false;
  /** Latest string at the top level, which is the key of the next value. */
  let key: number[] = [];

  function endItem(separator: "," | ""): void {
    const text = item.finish();
    // An empty item stays empty in the frame, so the frame is invalid JSON, like the body.
    const isEmpty = text !== undefined && isBlank(text);
    if (!isEmpty && items.length === maxBatchItems) throw tooManyItems();
    const place = Buffer.from(`${isEmpty ? "" : items.length}${separator}`);
    frame.add(place, 0, place.length);
    if (!isEmpty) items.push(text);
  }

  /** Reads the rest of a string from `start`. Returns the position after the string, or the end of the chunk. */
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

/**
 * Returns whether a text contains only white space as JSON defines it. JSON.parse must see all other control
 * characters.
 */
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
