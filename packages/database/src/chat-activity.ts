/** A position in the list of chats by activity: the time of the latest message, if there is one, and the chat's number. */
export interface ChatActivity {
  readonly at: Date | null;
  readonly number: number;
}

/** A range of the index of activity: the end of a statement that selects from `chats AS c`, and its values. */
export type ActivityRange = readonly [sql: string, ...values: unknown[]];

/**
 * Returns the ranges of the chats with messages after a position, in their order. One statement for all of them would
 * be sorted, and so would an order by a column that is fixed.
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

/** Returns the range of the chats without messages after a position; they follow all others. */
export function idleAfter(after: ChatActivity | undefined): ActivityRange {
  const isAmongThem = after?.at === null;
  return isAmongThem
    ? ["AND c.last_message_at IS NULL AND c.number < ? ORDER BY c.number DESC", after.number]
    : ["AND c.last_message_at IS NULL ORDER BY c.number DESC"];
}

/** Returns the first rows of ranges in their order, at most `limit`. */
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
