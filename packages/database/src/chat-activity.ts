/**
 * A position in the list of chats by activity: the time of the latest message, if there is one, and the chat's number.
 */
export interface ChatActivity {
  readonly at: Date | null;
  readonly number: number;
}

/**
 * A range of the activity index, as the end of a statement that selects from `chats AS c`, followed by the values of
 * its parameters.
 */
export type ActivityRange = readonly [sql: string, ...values: unknown[]];

/**
 * Returns the ranges of the chats that have messages and follow a position, in list order. MySQL would sort the rows if
 * one statement read all ranges, or if ORDER BY named a column whose value is fixed.
 */
export function activeAfter(after: ChatActivity | undefined): ActivityRange[] {
  const latestFirst = "ORDER BY c.last_message_at DESC, c.number DESC";
  if (after === undefined) return [[`AND c.last_message_at IS NOT NULL ${latestFirst}`]];
  const { at, number } = after;
  if (at === null) return [];
  return [
    ["AND c.last_message_at = ? AND c.number < ? ORDER BY c.number DESC", at, number],
    [`AND c.last_message_at < ? ${latestFirst}`, at],
  ];
}

/** Returns the range of the chats that have no messages and follow a position. These chats come last in the list. */
export function idleAfter(after: ChatActivity | undefined): ActivityRange {
  const isAmongThem = after?.at === null;
  return isAmongThem
    ? ["AND c.last_message_at IS NULL AND c.number < ? ORDER BY c.number DESC", after.number]
    : ["AND c.last_message_at IS NULL ORDER BY c.number DESC"];
}

/** Reads the first rows from the ranges, at most `limit`, in the order of the ranges. */
export async function firstOf<Row>(
  ranges: readonly ActivityRange[],
  limit: number,
  read: (range: ActivityRange, limit: number) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const range of ranges) {
    if (rows.length === limit) break;
    rows.push(...(await read(range, limit - rows.length)));
  }
  return rows;
}
