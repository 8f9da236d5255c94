import { applicationSearchCursorSchema, searchCursorSchema } from "@confab/contracts";
import { InvalidCursor } from "./errors.ts";

const prefix = "before-";

/** A cursor for the hits that are older than message `number`. Numbers are public within their chat. */
export function encodeCursor(number: number): string {
  return prefix + String(number);
}

/**
 * The number below which a cursor continues. Throws `InvalidCursor` unless the cursor has the form of `encodeCursor`.
 */
export function decodeCursor(cursor: string): number {
  if (!searchCursorSchema.safeParse(cursor).success) throw invalid();
  return Number(cursor.slice(prefix.length));
}

/** The place of a message in the order of a search across an application. All its parts are public. */
export interface Position {
  /** In milliseconds since 1970. */
  time: number;
  chatNumber: number;
  number: number;
}

/** A cursor for the hits after a position. */
export function encodePosition({ time, chatNumber, number }: Position): string {
  return `${time.toString(36).padStart(8, "0")}-${chatNumber}-${number}`;
}

/** The position after which a cursor continues. Throws `InvalidCursor` unless the cursor has the form of `encodePosition`. */
export function decodePosition(cursor: string): Position {
  if (!applicationSearchCursorSchema.safeParse(cursor).success) throw invalid();
  const [time = "", chatNumber, number] = cursor.split("-");
  return { time: parseInt(time, 36), chatNumber: Number(chatNumber), number: Number(number) };
}

/** Negative if the message at `a` comes after the one at `b` in the results. */
export function comparePositions(a: Position, b: Position): number {
  return a.time - b.time || a.chatNumber - b.chatNumber || a.number - b.number;
}

function invalid(): InvalidCursor {
  return new InvalidCursor("the cursor was not returned by a search");
}
