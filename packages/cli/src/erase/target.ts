import type { Database } from "@confab/database";

/** An application, one of its chats, or what a sender wrote in it. */
export interface Target {
  readonly token: string;
  readonly chat: number | undefined;
  readonly sender: string | undefined;
}

/** Identifies the rows and documents of a target: chats that exist, and chats that were deleted. */
export interface TargetIds {
  /** Undefined if neither the application nor an erasure of it, or of one of its chats, is known. */
  readonly application: bigint | undefined;
  readonly chats: readonly bigint[];
}

/**
 * Reads the ids of a target, before its erasure from `applications` and `chats`, afterwards from `erasures` and
 * `erased_chats`.
 */
export async function idsOf({ prisma }: Database, { token, chat }: Target): Promise<TargetIds> {
  const [application] = await prisma.$queryRaw<{ id: bigint }[]>`
    SELECT id FROM applications WHERE token = ${token}
    UNION SELECT application_id AS id FROM erasures WHERE application_token = ${token}`;
  if (!application) return { application: undefined, chats: [] };
  const rows = await prisma.$queryRaw<{ id: bigint; number: number }[]>`
    SELECT id, number FROM chats WHERE application_id = ${application.id}
    UNION SELECT c.chat_id AS id, c.number FROM erased_chats c JOIN erasures e ON e.id = c.erasure_id
           WHERE e.application_id = ${application.id}`;
  const wanted = chat === undefined ? rows : rows.filter(({ number }) => number === chat);
  return { application: application.id, chats: wanted.map(({ id }) => id) };
}
