import { inTime } from "./attempt.ts";
import { confabItself, recordAct, type Actor } from "./audit-log.ts";
import { isDuplicateKey } from "./errors.ts";
import {
  findKeys,
  deletedConflict,
  insertKeys,
  isSameRequest,
  otherRequestConflict,
  type Idempotency,
} from "./idempotency.ts";
import { placeholders, RetryTransaction, transaction } from "./transaction.ts";
import type { Database, Queryable } from "./client.ts";
import type { Application } from "./generated/client.ts";

const scope = "applications";

export interface NewApplication {
  /** A random UUID in its 36-character form, by which clients identify the application. */
  readonly token: string;
  readonly name: string;
  /** Age in days at which messages are deleted. Null means never. */
  readonly retentionDays?: number | null | undefined;
  readonly idempotency?: Idempotency | undefined;
  readonly by?: Actor;
}

/** A position in the list of all applications: a creation time, and a token or the beginning of one. */
export interface ApplicationReference {
  readonly createdAt: Date;
  readonly token: string;
}

export type Applications = ReturnType<typeof createApplications>;

/**
 * Creates, finds, lists and changes applications; the audit log gets an entry for each change. A write that is not done
 * within `timeoutMs` fails with `WriteNotDone`, or with `WriteOutcomeUnknown` if its commit was already sent.
 */
export function createApplications(database: Database, { timeoutMs }: { timeoutMs?: number } = {}) {
  const { prisma, query } = database;

  async function find(token: string): Promise<Application | null> {
    return isToken(token) ? prisma.application.findUnique({ where: { token } }) : null;
  }

  return {
    /**
     * Creates an application. With an idempotency key, a repeated request returns the first application (`replayed`),
     * concurrent requests create only one, and a different request throws `IdempotencyConflict`.
     */
    create: (request: NewApplication): Promise<Application & { replayed: boolean }> =>
      inTime(timeoutMs, (guard) => transaction(database, (tx) => create(tx, request), { guard })),

    find: async (token: string): Promise<Application | undefined> => (await find(token)) ?? undefined,

    /** Returns the given tokens that belong to applications. */
    async known(tokens: readonly string[]): Promise<Set<string>> {
      const possible = tokens.filter(isToken);
      if (possible.length === 0) return new Set();
      const rows = await query<{ token: string }[]>(
        `SELECT token FROM applications WHERE token IN (${placeholders(possible)})`,
        ...possible,
      );
      return new Set(rows.map(({ token }) => token));
    },

    /**
     * Lists applications, oldest first. Those created in the same millisecond are ordered by token. `next` is the
     * position after which the next page begins, or undefined on the last page.
     */
    async list({ after, limit }: { after?: ApplicationReference | undefined; limit: number }) {
      // Appending "g" skips all tokens with this prefix: their next character is a hexadecimal digit or a hyphen, and
      // "g" sorts after both.
      const position = after && [after.createdAt, after.createdAt, `${after.token}g`];
      const rows = await prisma.$queryRawUnsafe<Application[]>(
        `SELECT id, token, name, chats_count AS chatsCount, last_chat_number AS lastChatNumber,
                retention_days AS retentionDays, created_at AS createdAt, updated_at AS updatedAt
           FROM applications FORCE INDEX (applications_created_at_token_idx)
          ${position ? "WHERE created_at >= ? AND (created_at > ? OR token > ?)" : ""}
          ORDER BY created_at, token LIMIT ?`,
        ...(position ?? []),
        limit + 1,
      );
      const items = rows.slice(0, limit);
      const [last, following] = [items.at(-1), rows[limit]];
      return { items, next: last && following && positionBetween(last, following) };
    },

    /**
     * Changes the given fields; a null `retentionDays` removes the limit. Returns undefined if the application is
     * unknown.
     */
    async change(
      token: string,
      { name, retentionDays }: { name?: string | undefined; retentionDays?: number | null | undefined },
      by: Actor = confabItself,
    ): Promise<Application | undefined> {
      if (!isToken(token)) return undefined;
      const data = {
        ...(name !== undefined && { name }),
        ...(retentionDays !== undefined && { retentionDays }),
        updatedAt: new Date(),
      };
      const write = async (tx: Queryable): Promise<Application | undefined> => {
        const { count } = await tx.application.updateMany({ where: { token }, data });
        if (count > 0 && name !== undefined) await recordAct(tx, { act: "application-renamed", by, token });
        if (count > 0 && retentionDays !== undefined) await recordAct(tx, { act: "retention-changed", by, token });
        return (await tx.application.findUnique({ where: { token } })) ?? undefined;
      };
      return inTime(timeoutMs, (guard) => transaction(database, write, { guard }));
    },
  };
}

/**
 * Returns a position between two adjacent applications in the list. It contains as little of the first one's token as
 * possible, but at least eight characters, like log lines: a position is part of a URL, and URLs are logged.
 */
function positionBetween(last: Application, following: Application): ApplicationReference {
  let length = 8;
  while (last.token.startsWith(following.token.slice(0, length)) && length < last.token.length) length += 1;
  return { createdAt: last.createdAt, token: last.token.slice(0, length) };
}

/** Finds the id of an application and the number of its last chat. Returns null if the application is unknown. */
export async function findOwner(
  { prisma }: { readonly prisma: Queryable },
  token: string,
): Promise<{ id: bigint; lastChatNumber: number } | null> {
  return isToken(token)
    ? prisma.application.findUnique({ where: { token }, select: { id: true, lastChatNumber: true } })
    : null;
}

/**
 * Returns whether a text has the length of a token. A shorter or longer text must not reach MySQL, whose comparison
 * ignores trailing spaces.
 */
export function isToken(token: string): boolean {
  return token.length === 36;
}

async function create(
  tx: Queryable,
  { token, name, retentionDays = null, idempotency, by = confabItself }: NewApplication,
): Promise<Application & { replayed: boolean }> {
  const first = idempotency && (await findKeys(tx, scope, [idempotency.key])).get(idempotency.key);
  if (idempotency && first) {
    if (!isSameRequest(first.requestHash, idempotency.requestHash)) throw otherRequestConflict(idempotency.key);
    const application = await tx.application.findUnique({ where: { id: first.resourceId } });
    if (!application) throw deletedConflict(idempotency.key);
    return { ...application, replayed: true };
  }
  const now = new Date();
  const data = { token, name, retentionDays, createdAt: now, updatedAt: now };
  const application = await tx.application.create({ data });
  if (idempotency) {
    try {
      await insertKeys(tx, scope, [{ idempotency, resourceId: application.id }], now);
    } catch (error) {
      // Another request with this key was faster. Roll back this creation, so that the retry finds the application of
      // that request.
      throw isDuplicateKey(error)
        ? new RetryTransaction("the idempotency key is already used", { cause: error })
        : error;
    }
  }
  await recordAct(tx, { act: "application-created", by, token });
  return { ...application, replayed: false };
}
