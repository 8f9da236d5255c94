import { searchCursorSchema } from "@confab/contracts";
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
  if (!searchCursorSchema.safeParse(cursor).success) {
    throw new InvalidCursor("the cursor was not returned by a search");
  }
  return Number(cursor.slice(prefix.length));
}
