import type { Database } from "./client.ts";

/** The chats of an application that have the same limit. */
export interface RetentionGroup {
  readonly applicationId: bigint;
  /** The chats' own limit, or null if the application's limit applies. */
  readonly ownDays: number | null;
  /** The limit that applies, in days. */
  readonly days: number;
}

/** A chat that has messages over its limit. */
export interface OverdueChat {
  readonly id: bigint;
  readonly number: number;
  /** The lowest number that may still have a message to delete. */
  readonly retainedFrom: number;
  /** The time of the oldest message from `retainedFrom` on. */
  readonly retainedFromAt: Date;
}

const applicationsAtOnce = 200;

/** Yields one group for each limit in force in an application. Reads only applications and chats that have a limit. */
export async function* limitsInForce(database: Database): AsyncGenerator<RetentionGroup, void, undefined> {
  const { prisma } = database;
  for (let after = { days: 1, id: 0n }; ;) {
    const rows = await prisma.$queryRaw<{ id: bigint; days: number }[]>`
      SELECT id, retention_days AS days FROM applications FORCE INDEX (applications_retention_days_idx)
       WHERE retention_days >= ${after.days} AND (retention_days > ${after.days} OR id > ${after.id})
       ORDER BY retention_days, id LIMIT ${applicationsAtOnce}`;
    for (const { id, days } of rows) yield { applicationId: id, ownDays: null, days };
    const last = rows.at(-1);
    if (!last || rows.length < applicationsAtOnce) break;
    after = last;
  }
  for (let own = await nextLimit(database, 0); own; own = await nextOwner(database, own)) {
    yield { applicationId: own.id, ownDays: own.days, days: own.days };
  }
}

interface OwnLimit {
  readonly id: bigint;
  readonly days: number;
}

/**
 * Returns the next application that has chats with the same limit of their own. If there is none, returns the first
 * application with the next limit.
 */
async function nextOwner(database: Database, { id, days }: OwnLimit): Promise<OwnLimit | undefined> {
  const [next] = await database.prisma.$queryRaw<OwnLimit[]>`
    SELECT application_id AS id, retention_days AS days
      FROM chats FORCE INDEX (chats_retention_days_application_id_retained_from_at_idx)
     WHERE retention_days = ${days} AND application_id > ${id} ORDER BY application_id LIMIT 1`;
  return next ?? nextLimit(database, days);
}

async function nextLimit({ prisma }: Database, days: number): Promise<OwnLimit | undefined> {
  const [next] = await prisma.$queryRaw<OwnLimit[]>`
    SELECT application_id AS id, retention_days AS days
      FROM chats FORCE INDEX (chats_retention_days_application_id_retained_from_at_idx)
     WHERE retention_days > ${days} ORDER BY retention_days, application_id LIMIT 1`;
  return next;
}

/**
 * Reads a page of the group's chats that have messages from before a time. Chats with the oldest messages come first.
 */
export function overdueChats(
  { prisma }: Database,
  { applicationId, ownDays }: Pick<RetentionGroup, "applicationId" | "ownDays">,
  { before, after, limit }: { before: Date; after?: OverdueChat | undefined; limit: number },
): Promise<OverdueChat[]> {
  const position = after && [after.retainedFromAt, after.retainedFromAt, after.id];
  return prisma.$queryRawUnsafe<OverdueChat[]>(
    `SELECT id, number, retained_from AS retainedFrom, retained_from_at AS retainedFromAt
       FROM chats FORCE INDEX (chats_retention_days_application_id_retained_from_at_idx)
      WHERE retention_days ${ownDays === null ? "IS NULL" : "= ?"} AND application_id = ? AND retained_from_at < ?
        ${position ? "AND retained_from_at >= ? AND (retained_from_at > ? OR id > ?)" : ""}
      ORDER BY retained_from_at, id LIMIT ?`,
    ...(ownDays === null ? [] : [ownDays]),
    applicationId,
    before,
    ...(position ?? []),
    limit,
  );
}
