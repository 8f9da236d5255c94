import type { Database } from "@confab/database";

/** An application, one of its chats, or everything that one sender wrote in the application. */
export interface Target {
  readonly token: string;
  readonly chat: number | undefined;
  readonly sender: string | undefined;
}

/** Identifies the rows and documents of a target. The chats include deleted ones. */
export interface TargetIds {
  /** Id of the application; undefined if neither the application nor any erasure in it exists. */
  readonly application: bigint | undefined;
  readonly chats: readonly bigint[];
}

/**
 * Reads the ids of a target: before its erasure from `applications` and `chats`, and afterwards from `erasures` and
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
