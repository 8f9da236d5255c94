import { searchCursorSchema } from "@confab/contracts";
import { InvalidCursor } from "./errors.ts";

const prefix = "before-";

/** A cursor for the hits older than message `number`; numbers are public in their chat. */
export function encodeCursor(number: number): string {
  return prefix + String(number);
}

/** The number that a cursor continues below; throws `InvalidCursor` unless it has the form that `encodeCursor` gives it. */
export function decodeCursor(cursor: string): number {
  if (!searchCursorSchema.safeParse(cursor).success) {
    throw new InvalidCursor("the cursor is not one that a search has given out");
  }
  return Number(cursor.slice(prefix.length));
}
