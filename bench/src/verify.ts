import type { Database } from "@confab/database";
import type { LoadResult } from "./load.ts";

/** Lists the errors in the answers: the numbers of each chat, over all its loads, must be exactly 1 to N. */
export function faultsOfAnswers(loads: readonly LoadResult[]): string[] {
  const failed = loads.reduce((sum, load) => sum + load.failed, 0);
  const faults = failed > 0 ? [`${failed} requests were not answered with 201`] : [];
  const chats = new Set(loads.flatMap((load) => [...load.numbers.keys()]));
  for (const chat of chats) {
    const sorted = loads.flatMap((load) => load.numbers.get(chat) ?? []).sort((a, b) => a - b);
    if (sorted.some((number, i) => number !== i + 1))
      faults.push(`chat ${chat}: the acknowledged numbers are not 1..N`);
  }
  return faults;
}

interface Count {
  readonly chat: number;
  readonly counted: number;
  readonly stored: bigint;
  readonly lowest: number | null;
  readonly highest: number | null;
}

/** Lists the errors in the rows: each chat must have one row per answer, numbered 1 to N, and the same count. */
export async function faultsOfRows({ prisma }: Database, token: string, { numbers }: LoadResult): Promise<string[]> {
  const rows = await prisma.$queryRaw<Count[]>`
    SELECT c.number AS chat, c.messages_count AS counted, COUNT(m.number) AS stored,
           MIN(m.number) AS lowest, MAX(m.number) AS highest
      FROM applications a JOIN chats c ON c.application_id = a.id LEFT JOIN messages m ON m.chat_id = c.id
     WHERE a.token = ${token} GROUP BY c.id, c.number, c.messages_count`;
  const byChat = new Map(rows.map((row) => [row.chat, row]));
  // A chat's numbers are unique (primary key), so N rows from 1 to N leave no gap.
  return [...numbers].flatMap(([chat, { length }]) => {
    const row = byChat.get(chat);
    const isComplete =
      row !== undefined &&
      Number(row.stored) === length &&
      row.counted === length &&
      (length === 0 || (row.lowest === 1 && row.highest === length));
    if (isComplete) return [];
    const found = row
      ? `${row.stored.toString()} rows (${row.lowest ?? "-"}..${row.highest ?? "-"}), counted ${row.counted}`
      : "no such chat";
    return [`chat ${chat}: ${length} accepted, ${found}`];
  });
}

/** Counts an application's stored messages by its chats' counts, which change in the transaction that inserts the rows. */
export async function countStored({ prisma }: Database, token: string): Promise<number> {
  const [row] = await prisma.$queryRaw<{ n: unknown }[]>`
    SELECT SUM(c.messages_count) AS n FROM applications a JOIN chats c ON c.application_id = a.id WHERE a.token = ${token}`;
  return Number(row?.n ?? 0);
}
