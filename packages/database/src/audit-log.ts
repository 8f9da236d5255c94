import { shortToken } from "@confab/runtime";
import type { Database, Queryable } from "./client.ts";
import type { AuditEntry } from "./generated/client.ts";

/** The author of an act: the name of a principal, and the id of the request. */
export interface Actor {
  readonly name: string;
  readonly requestId?: string | undefined;
}

/** An administrative act. */
export interface Act {
  readonly act:
    | "application-created"
    | "application-renamed"
    | "application-deleted"
    | "retention-changed"
    | "chat-deleted"
    | "sender-erased"
    | "key-created"
    | "key-rotated"
    | "key-revoked";
  readonly by: Actor;
  /** The full token. Only its beginning is recorded. */
  readonly token?: string | null;
  /** The public id of the key that the act concerns. */
  readonly keyId?: string;
}

/** The actor to record for programs that act without a request. */
export const confabItself: Actor = { name: "confab" };

/** Records an act in the transaction that performs it: both are committed, or neither. */
export async function recordAct(tx: Queryable, { act, by, token, keyId }: Act): Promise<void> {
  await tx.auditEntry.create({
    data: {
      createdAt: new Date(),
      actor: by.name,
      act,
      application: token == null ? null : shortToken(token),
      keyId: keyId ?? null,
      requestId: by.requestId ?? null,
    },
  });
}

export type { AuditEntry };

/** Lists the latest acts, at most `limit`, oldest first. `since` excludes earlier acts. */
export async function listActs(
  { prisma }: Database,
  { since, limit }: { since?: Date | undefined; limit: number },
): Promise<AuditEntry[]> {
  // Without `since`, sorts by id: for an order by time, MySQL would sort the whole table.
  const rows = await (since === undefined
    ? prisma.auditEntry.findMany({ orderBy: { id: "desc" }, take: limit })
    : prisma.auditEntry.findMany({
        where: { createdAt: { gte: since } },
        orderBy: [{ createdAt: "desc" }, { id: "desc" }],
        take: limit,
      }));
  return rows.toReversed();
}
