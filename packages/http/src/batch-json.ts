import { ProblemError, maxBatchItems } from "@confab/contracts";
import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from "./json-bytes.ts";
import { createPieces } from "./pieces.ts";

/** What a batch may hold besides its messages. */
const frameBytes = 65_536;
/** `messages` with every letter as an escape, quotes included. */
const longestKey = 50;

/** A batch's body in parts, of which each may be parsed by itself. */
export interface DividedBatch {
  /** The text of each message; undefined where it is longer than a message can be. */
  readonly items: (Buffer | undefined)[];
  /** The rest of the body, such as `{"messages":[0,1,2]}`: each number is the place of a message in `items`. */
  readonly frame: Buffer;
}

export interface BatchDivider {
  readonly push: (chunk: Uint8Array) => void;
  /** Throws a ProblemError as `push` does where the body is too large; whether it is JSON shows when its parts are parsed. */
  end(): DividedBatch;
}

/**
 * Divides `{"messages":[…]}` while it arrives, so that a batch becomes neither one large text nor one large tree, and one that is too long is refused
 * as soon as that shows. Looks at strings, brackets and commas only. The body is JSON exactly if all its parts are: a value in the place of another
 * value keeps JSON what it is.
 */
export function createBatchDivider(itemBytes: number): BatchDivider {
  const items: (Buffer | undefined)[] = [];
  const item = createPieces(itemBytes);
  const frame = createPieces(frameBytes);
  let depth = 0;
  let inString = false;
  let isEscaped = false;
  let inMessages = false;
  /** The last string right below the top: the key of the value that follows. */
  let key: number[] = [];

  function endItem(): void {
    const text = item.finish();
    // Nothing between two commas stays nothing in the frame, which then is no JSON either.
    if (text !== undefined && isBlank(text)) return;
    if (items.length === maxBatchItems) throw tooManyItems();
    const place = Buffer.from(String(items.length));
    frame.add(place, 0, place.length);
    items.push(text);
  }

  function push(chunk: Uint8Array): void {
    let from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      if (inString) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) inString = false;
        if (depth === 1 && key.length <= longestKey) key.push(byte);
        continue;
      }
      switch (byte) {
        case QUOTE:
          inString = true;
          if (depth === 1) key = [QUOTE];
          break;
        case OPEN_ARRAY:
        case OPEN_OBJECT:
          depth += 1;
          if (depth === 2 && byte === OPEN_ARRAY && isMessages(key)) {
            frame.add(chunk, from, at + 1);
            from = at + 1;
            inMessages = true;
          }
          break;
        case CLOSE_ARRAY:
        case CLOSE_OBJECT:
          depth -= 1;
          if (inMessages && depth === 1) {
            item.add(chunk, from, at);
            endItem();
            from = at;
            inMessages = false;
          }
          break;
        case COMMA:
          if (inMessages && depth === 2) {
            item.add(chunk, from, at);
            endItem();
            frame.add(chunk, at, at + 1);
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

/** White space of JSON alone: every other control character is a fault that JSON.parse must see. */
export function isBlank(text: Uint8Array): boolean {
  return text.every((byte) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
}

export function tooManyItems(): ProblemError {
  return new ProblemError("payload-too-large", {
    detail: `A batch has at most ${maxBatchItems} messages, this one has more. Split it.`,
  });
}

function frameTooLarge(): ProblemError {
  return new ProblemError("payload-too-large", {
    detail: `A batch has at most ${frameBytes} bytes besides its messages.`,
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
