import { maxNumber } from "@confab/contracts";
import { createApplications } from "./applications.ts";
import { cutoff, retentionTime } from "./retention.ts";
import { limitsInForce, overdueChats, type OverdueChat, type RetentionGroup } from "./retention-groups.ts";
import type { Database } from "./client.ts";

/** The messages of one chat that retention would delete now. */
export interface RetentionPreview {
  readonly token: string;
  readonly chatNumber: number;
  readonly days: number;
  /** Whether the limit is the chat's own. */
  readonly isOwn: boolean;
  readonly messages: number;
  readonly oldest: Date;
  readonly newest: Date;
}

const chatsAtOnce = 200;

export interface PreviewOptions {
  /** Only this application. */
  readonly token?: string | undefined;
  /** In place of the limit of this application, which may have none. */
  readonly days?: number | undefined;
}

/** Counts the messages that retention would delete now, by chat. Reads only; chats without such messages are left out. */
export async function* previewRetention(
  database: Database,
  { token, days }: PreviewOptions = {},
): AsyncGenerator<RetentionPreview, void, undefined> {
  const now = await retentionTime(database);
  for await (const group of groupsOf(database, token, days)) {
    const before = cutoff(now, group.days);
    for (let after: OverdueChat | undefined; ;) {
      const chats: OverdueChat[] = await overdueChats(database, group, { before, after, limit: chatsAtOnce });
      for (const chat of chats) {
        const due = await countDue(database, chat, before);
        if (!due) continue;
        const { days: inForce, ownDays } = group;
        yield { token: group.token, chatNumber: chat.number, days: inForce, isOwn: ownDays !== null, ...due };
      }
      if (chats.length < chatsAtOnce) break;
      after = chats.at(-1);
    }
  }
}

async function* groupsOf(
  database: Database,
  token: string | undefined,
  days: number | undefined,
): AsyncGenerator<RetentionGroup & { token: string }, void, undefined> {
  const { prisma } = database;
  const only = token === undefined ? undefined : await createApplications(database).find(token);
  if (token !== undefined && !only) return;
  if (only && days !== undefined) yield { applicationId: only.id, ownDays: null, days, token: only.token };
  for await (const group of limitsInForce(database)) {
    if (only && group.applicationId !== only.id) continue;
    if (days !== undefined && group.ownDays === null) continue;
    const owner = only ?? (await prisma.application.findUnique({ where: { id: group.applicationId } }));
    // Null if the application was deleted and its chats are not erased yet.
    if (owner) yield { ...group, token: owner.token };
  }
}

/** Counts as far as retention would go: it stops at the first message that is not over the limit. */
async function countDue({ prisma }: Database, { id, retainedFrom }: OverdueChat, before: Date) {
  const [young] = await prisma.$queryRaw<{ number: number }[]>`
    SELECT number FROM messages
     WHERE chat_id = ${id} AND number >= ${retainedFrom} AND created_at >= ${before} ORDER BY number LIMIT 1`;
  const end = young?.number ?? maxNumber + 1;
  const [row] = await prisma.$queryRaw<{ messages: bigint; oldest: Date | null; newest: Date | null }[]>`
    SELECT COUNT(*) AS messages, MIN(created_at) AS oldest, MAX(created_at) AS newest FROM messages
     WHERE chat_id = ${id} AND number >= ${retainedFrom} AND number < ${end} AND deleted_at IS NULL`;
  const { oldest, newest } = row ?? {};
  return oldest && newest ? { messages: Number(row?.messages), oldest, newest } : undefined;
}
