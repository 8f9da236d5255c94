import type { Database } from "@confab/database";

/** A chat as its users know it. */
export interface ChatPlace {
  readonly token: string;
  readonly chat: number;
}

/** Application tokens and chat numbers of chats; those that are gone are left out. */
export async function placesOf({ prisma }: Database, chatIds: Iterable<bigint>): Promise<Map<bigint, ChatPlace>> {
  const rows = await prisma.chat.findMany({
    where: { id: { in: [...new Set(chatIds)] } },
    select: { id: true, number: true, application: { select: { token: true } } },
  });
  return new Map(rows.map(({ id, number, application }) => [id, { token: application.token, chat: number }]));
}
