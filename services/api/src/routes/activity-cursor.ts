import type { ChatActivity } from "@confab/database";

/**
 * Returns the cursor of a position in a list by activity: the time in milliseconds in base 36 (or `none`), and the
 * chat's number.
 */
export function encodeActivity({ at, number }: ChatActivity): string {
  return `${at === null ? "none" : at.getTime().toString(36)}-${number}`;
}

/** Returns the position in a cursor that the query's schema has already accepted. */
export function decodeActivity(cursor: string): ChatActivity {
  const [at = "", number] = cursor.split("-");
  return { at: at === "none" ? null : new Date(parseInt(at, 36)), number: Number(number) };
}
