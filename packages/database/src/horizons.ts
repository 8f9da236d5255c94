import { findOwner } from "./applications.ts";
import { inTime, type CommitGuard } from "./attempt.ts";
import { countDeletedNumbers } from "./deleted-numbers.ts";
import { identifierBytes, identifierText } from "./identifiers.ts";
import { transaction } from "./transaction.ts";
import { activeAfter, firstOf, type ChatActivity } from "./chat-activity.ts";
import type { Database, Queryable } from "./client.ts";
import type { Read as ReadRow } from "./generated/client.ts";
import type { MessageRange } from "./messages.ts";

/** How far a reader has read a chat. */
export type ReadHorizon = Omit<ReadRow, "reader" | "epoch"> & { readonly reader: string };

/** A chat with unread messages, according to MySQL. */
export interface UnreadChat {
  readonly id: bigint;
  /** The chat's number in its application. */
  readonly number: number;
  readonly horizon: number;
  readonly unread: number;
  readonly lastMessageNumber: number;
  readonly lastMessageAt: Date;
}

/** A later numbering exists, in which the number may belong to another message. Nothing was written. */
export class NumberingOutdated extends Error {
  override readonly name = "NumberingOutdated";
  readonly by: number;

  constructor(by: number) {
    super(`The latest numbering is ${by}`);
    this.by = by;
  }
}

/** Returns the later numbering that the error names, or undefined if the error is not `NumberingOutdated`. */
export function laterNumbering(error: unknown): number | undefined {
  return error instanceof NumberingOutdated ? error.by : undefined;
}

type MovedHorizon = ReadHorizon & { readonly hasMoved: boolean };

/** A filter for chats of an application by their numbers: only some, or all except some. */
export type ChatFilter = { readonly only: readonly number[] } | { readonly except: readonly number[] };

export type Horizons = ReturnType<typeof createHorizons>;

/**
 * Maximum number of chats that one page examines. For a reader who has read nearly everything, pages are short instead
 * of slow.
 */
const maxExamined = 1_000;

/**
 * Creates the store of read horizons. A write that is not done within `timeoutMs` fails with `WriteNotDone`, or with
 * `WriteOutcomeUnknown` if its commit was already sent.
 */
export function createHorizons(database: Database, { timeoutMs }: { timeoutMs?: number } = {}) {
  const { prisma } = database;

  /**
   * Counts the messages in each range that can be read, whether stored or pending, and returns the counts in the order
   * of the ranges. Each range must be of a different chat, and all its numbers must be assigned. The count is the
   * number of assigned numbers minus those that have no message to read: deleted messages and dead letters. Most
   * deleted numbers are below the oldest message that retention has kept. Each range begins there at the earliest, so
   * that these numbers are not read. Other deleted numbers are counted in blocks of a thousand.
   */
  async function counts(all: readonly MessageRange[]): Promise<number[]> {
    if (all.length === 0) return [];
    // Reads the chats before the count, so that messages that retention deletes in between are counted as deleted.
    const chats = await prisma.chat.findMany({
      where: { id: { in: all.map(({ chatId }) => chatId) } },
      select: { id: true, retainedFrom: true },
    });
    const retainedFrom = new Map(chats.map((chat) => [chat.id, chat.retainedFrom]));
    const ranges = all.map((range) => ({ ...range, from: Math.max(range.from, retainedFrom.get(range.chatId) ?? 1) }));
    // Uses one statement, so that a number that moves between the tables is counted only once. Dead letters whose
    // number is deleted or belongs to a message exist only after Redis lost data.
    const deleted = countDeletedNumbers(ranges);
    const windows = ranges.map(() => "(d.chat_id = ? AND d.number BETWEEN ? AND ?)").join(" OR ");
    const values = ranges.flatMap(({ chatId, from, to }) => [chatId, from, to]);
    const rows = await prisma.$queryRawUnsafe<{ chatId: bigint; missing: bigint | number }[]>(
      `${deleted.sql}
       UNION ALL
       SELECT d.chat_id AS chatId, COUNT(DISTINCT d.number) AS missing
         FROM dead_letters d FORCE INDEX (dead_letters_chat_id_number_idx)
         LEFT JOIN messages m ON m.chat_id = d.chat_id AND m.number = d.number
         LEFT JOIN deleted_numbers n ON n.chat_id = d.chat_id AND n.number = d.number
        WHERE (${windows}) AND m.number IS NULL AND n.number IS NULL GROUP BY d.chat_id`,
      ...deleted.values,
      ...values,
    );
    const missing = new Map<bigint, number>();
    for (const row of rows) missing.set(row.chatId, (missing.get(row.chatId) ?? 0) + Number(row.missing));
    return ranges.map(({ chatId, from, to }) => Math.max(0, to - from + 1 - (missing.get(chatId) ?? 0)));
  }

  /** Reads the next chats with messages, by activity, together with the reader's horizons. */
  async function examine(
    applicationId: bigint,
    reader: string,
    after: ChatActivity | undefined,
    chats: ChatFilter | undefined,
  ) {
    const filter = filterOf(chats);
    // Chats without messages cannot have unread ones.
    const rows = await firstOf(activeAfter(after), maxExamined, ([sql, ...values], most) =>
      prisma.$queryRawUnsafe<(Omit<UnreadChat, "unread" | "horizon"> & { horizon: number | null })[]>(
        `SELECT c.id, c.number, c.last_message_number AS lastMessageNumber, c.last_message_at AS lastMessageAt,
                r.number AS horizon
           FROM chats c FORCE INDEX (${filter.index})
           LEFT JOIN \`reads\` r ON r.chat_id = c.id AND r.reader = ?
          WHERE c.application_id = ? ${filter.sql} ${sql} LIMIT ?`,
        identifierBytes(reader),
        applicationId,
        ...filter.numbers,
        ...values,
        most,
      ),
    );
    return rows.map((row) => ({ ...row, horizon: row.horizon ?? 0 }));
  }

  return {
    /**
     * Moves a horizon forward and returns it. A horizon that is already at this number or beyond it stays as it is, and
     * `hasMoved` is false. `current` describes the numbering in which the number was assigned: its ordinal, and its
     * first number `since`. A horizon from an earlier numbering that is not below `since` refers to lost messages and
     * is replaced. Rejects with `NumberingOutdated` if a later numbering is already known. Returns undefined if the
     * chat was deleted.
     */
    advance: (
      chatId: bigint,
      reader: string,
      number: number,
      { numbering, since } = { numbering: 0, since: 0 },
    ): Promise<MovedHorizon | undefined> =>
      inTime(timeoutMs, (guard) => advance(database, { chatId, reader, number, numbering, since }, guard)),

    async find(chatId: bigint, reader: string): Promise<ReadHorizon | undefined> {
      const row = await prisma.read.findUnique({ where: keyOf(chatId, reader) });
      return row === null ? undefined : toHorizon(row);
    },

    /**
     * Lists a page of a chat's horizons by reader. `next` is the reader after which the next page begins, or undefined
     * on the last page.
     */
    async list(
      chatId: bigint,
      { after, limit }: { after?: string | undefined; limit: number },
    ): Promise<{ items: ReadHorizon[]; next: string | undefined }> {
      const rows = await prisma.$queryRawUnsafe<Omit<ReadRow, "epoch">[]>(
        `SELECT chat_id AS chatId, reader, number, numbering, updated_at AS updatedAt FROM \`reads\`
          WHERE chat_id = ? AND reader > ? ORDER BY reader LIMIT ?`,
        chatId,
        identifierBytes(after ?? ""),
        limit + 1,
      );
      const items = rows.slice(0, limit).map(toHorizon);
      return { items, next: rows.length > limit ? items.at(-1)?.reader : undefined };
    },

    /** Returns how many messages above a horizon, and up to the last number of the chat, can be read. */
    async unread(chatId: bigint, horizon: number, last: number): Promise<number> {
      const [unread = 0] = horizon < last ? await counts([{ chatId, from: horizon + 1, to: last }]) : [];
      return unread;
    },

    /**
     * Lists chats of an application with stored messages above the reader's horizons, at most `limit`, latest activity
     * first. A page examines at most 1,000 chats, so it may be short even if there are more. `next` is the position
     * after which the next page begins, or undefined on the last page. Returns undefined if the application is unknown.
     */
    async unreadChats(
      token: string,
      reader: string,
      { after, limit, chats }: { after?: ChatActivity | undefined; limit: number; chats?: ChatFilter | undefined },
    ): Promise<{ items: UnreadChat[]; next: ChatActivity | undefined } | undefined> {
      const owner = await findOwner(database, token);
      if (!owner) return undefined;
      const examined = await examine(owner.id, reader, after, chats);
      const candidates = examined.filter(({ horizon, lastMessageNumber }) => horizon < lastMessageNumber);
      const shown = candidates.slice(0, limit);
      const unread = await counts(
        shown.map(({ id, horizon, lastMessageNumber }) => ({
          chatId: id,
          from: horizon + 1,
          to: lastMessageNumber,
        })),
      );
      // A chat is left out if all numbers above the horizon have no message.
      const items = shown.map((chat, at) => ({ ...chat, unread: unread[at] ?? 0 })).filter((chat) => chat.unread > 0);
      const end =
        candidates.length > limit ? shown.at(-1) : examined.length === maxExamined ? examined.at(-1) : undefined;
      return { items, next: end && { at: end.lastMessageAt, number: end.number } };
    },
  };
}

/**
 * Returns the SQL condition for a filter of chats, and the index that finds these chats without reading many others.
 */
function filterOf(chats: ChatFilter | undefined): { sql: string; numbers: readonly number[]; index: string } {
  const index = "chats_application_id_last_message_at_number_idx";
  if (chats === undefined) return { sql: "", numbers: [], index };
  if ("except" in chats) {
    const sql = chats.except.length === 0 ? "" : `AND c.number NOT IN (${placeholders(chats.except)})`;
    return { sql, numbers: chats.except, index };
  }
  // An empty list is not valid SQL. No chat has the number 0.
  const numbers = chats.only.length === 0 ? [0] : chats.only;
  return { sql: `AND c.number IN (${placeholders(numbers)})`, numbers, index: "chats_application_id_number_key" };
}

function placeholders(values: readonly unknown[]): string {
  return values.map(() => "?").join(", ");
}

function keyOf(chatId: bigint, reader: string) {
  return { chatId_reader: { chatId, reader: identifierBytes(reader) } };
}

function toHorizon({ chatId, reader, number, numbering, updatedAt }: Omit<ReadRow, "epoch">): ReadHorizon {
  return { chatId, reader: identifierText(reader), number, numbering, updatedAt };
}

async function advance(
  database: Database,
  {
    chatId,
    reader,
    number,
    numbering,
    since,
  }: { chatId: bigint; reader: string; number: number; numbering: number; since: number },
  guard: CommitGuard,
): Promise<MovedHorizon | undefined> {
  const write = async (tx: Queryable): Promise<MovedHorizon | undefined> => {
    const now = new Date();
    // The order matters: each assignment already sees the values that earlier ones have set. A horizon always gets the
    // epoch of the latest write, even if the write moves nothing: an earlier request to erase the sender must not
    // delete a horizon that this write confirms.
    await tx.$executeRaw`
      INSERT INTO \`reads\` (chat_id, reader, number, numbering, updated_at, epoch)
      SELECT c.id, ${identifierBytes(reader)}, ${number}, ${numbering}, ${now}, a.epoch
        FROM chats c JOIN applications a ON a.id = c.application_id WHERE c.id = ${chatId}
          ON DUPLICATE KEY UPDATE
             number = IF(\`reads\`.numbering < VALUES(numbering) AND \`reads\`.number >= ${since}, ${since} - 1, \`reads\`.number),
             updated_at = IF(VALUES(number) > \`reads\`.number, VALUES(updated_at), \`reads\`.updated_at),
             number = GREATEST(\`reads\`.number, VALUES(number)),
             numbering = GREATEST(\`reads\`.numbering, VALUES(numbering)),
             epoch = GREATEST(\`reads\`.epoch, VALUES(epoch))`;
    // Reads after the row is written, and with a lock. A transaction that records a later numbering therefore either
    // finds the row and corrects it, or began earlier, and this transaction waits for it.
    const [row] = await tx.$queryRaw<(Omit<ReadHorizon, "chatId" | "reader"> & { later: number | null })[]>`
      SELECT r.number, r.numbering, r.updated_at AS updatedAt,
             (SELECT MAX(n.numbering) FROM chat_numberings n
               WHERE n.chat_id = ${chatId} AND n.numbering > ${numbering} LOCK IN SHARE MODE) AS later
        FROM \`reads\` r WHERE r.chat_id = ${chatId} AND r.reader = ${identifierBytes(reader)}`;
    if (row === undefined) return undefined;
    const { later, ...horizon } = row;
    const latest = Math.max(horizon.numbering, later ?? 0);
    if (numbering !== 0 && latest > numbering) throw new NumberingOutdated(latest);
    // `updatedAt` changes only if the horizon moves.
    const hasMoved = horizon.number === number && horizon.updatedAt.getTime() === now.getTime();
    return { chatId, reader, ...horizon, hasMoved };
  };
  return transaction(database, write, { guard });
}
