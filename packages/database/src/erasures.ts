import { createHash } from "node:crypto";
import { isToken } from "./applications.ts";
import { inTime } from "./attempt.ts";
import { confabItself, recordAct, type Act, type Actor } from "./audit-log.ts";
import { identifierBytes, identifierText } from "./identifiers.ts";
import { findKeys, insertKeys, isSameRequest, otherRequestConflict, type Idempotency } from "./idempotency.ts";
import { timeSince2026 } from "./ordinals.ts";
import { placeholders, transaction } from "./transaction.ts";
import type { Database, Queryable } from "./client.ts";
import type { Statements } from "./session.ts";
import type { Erasure as ErasureRow } from "./generated/client.ts";

/** The deletion of an application, of a chat, or of what a sender wrote. */
export type Erasure = Omit<ErasureRow, "sender"> & { readonly sender: string | null };
export type Erasures = ReturnType<typeof createErasures>;
/** The erasure of a sender; `replayed` if an earlier request with the same idempotency key recorded it. */
export type SenderErasure = Erasure & { readonly sender: string; readonly epoch: number; readonly replayed: boolean };

export interface SenderErasureRequest {
  /** The epoch in which Redis accepts messages of the application, read after the request has arrived. */
  readonly epochInRedis: number;
  readonly by?: Actor | undefined;
  readonly idempotency?: Idempotency | undefined;
}

/** The application has as many open erasures of senders as it may have. */
export class TooManyErasures extends Error {
  override readonly name = "TooManyErasures";
}

/** Maximum number of open erasures of senders per application: each one reads all messages of the application. */
export const maxOpenErasures = 100;

/**
 * Deletes applications and chats. The transaction removes the row by which clients find the application or chat, and
 * records an erasure and the act. A worker erases everything else later. A write that is not done within `timeoutMs` fails with
 * `WriteNotDone`, or with `WriteOutcomeUnknown` if its commit was already sent.
 */
export function createErasures(database: Database, { timeoutMs }: { timeoutMs?: number } = {}) {
  const write = <E extends Erasure>(act: Omit<Act, "keyId">, work: (tx: Queryable) => Promise<E | undefined>) =>
    inTime(timeoutMs, (guard) =>
      transaction(
        database,
        async (tx) => {
          const erasure = await work(tx);
          if (erasure && !("replayed" in erasure && erasure.replayed === true)) await recordAct(tx, act);
          return erasure;
        },
        { guard },
      ),
    );

  async function findLatest(
    where: Partial<Pick<ErasureRow, "token" | "chatNumber">>,
    senders: (Uint8Array<ArrayBuffer> | null)[],
  ) {
    const isOne = senders.map((sender) => ({ sender }));
    const row = await database.prisma.erasure.findFirst({ where: { ...where, OR: isOne }, orderBy: { id: "desc" } });
    return row === null ? undefined : toErasure(row);
  }

  return {
    /** Returns undefined if no application has this token. */
    eraseApplication: async (token: string, by: Actor = confabItself): Promise<Erasure | undefined> =>
      isToken(token)
        ? write({ act: "application-deleted", by, token }, (tx) => eraseApplication(tx, token))
        : undefined,

    /** Returns undefined if the application or the chat is unknown. The number of the chat is never used again. */
    eraseChat: async (token: string, number: number, by: Actor = confabItself): Promise<Erasure | undefined> =>
      isToken(token) ? write({ act: "chat-deleted", by, token }, (tx) => eraseChat(tx, token, number)) : undefined,

    /**
     * Records the erasure of everything that a sender wrote in an application until now, and begins a new epoch of the application, above
     * all that have been. MySQL may have lost some, so the caller reads the one of Redis before. The messages become tombstones without a
     * sender. A request for a sender whose erasure no worker has begun extends that erasure.
     * Returns undefined if the application is unknown. Throws `TooManyErasures`, or `IdempotencyConflict`.
     */
    eraseSender: async (
      token: string,
      sender: string,
      request: SenderErasureRequest,
    ): Promise<SenderErasure | undefined> =>
      isToken(token)
        ? write({ act: "sender-erased", by: request.by ?? confabItself, token }, (tx) =>
            eraseSender(tx, token, sender, request),
          )
        : undefined,

    /** The latest erasure of a sender; undefined if there is none. */
    findSender: (token: string, sender: string): Promise<Erasure | undefined> =>
      findLatest({ token }, [identifierBytes(sender), senderDigest(token, sender)]),

    /** The erasure of an application, or of a chat if a number is given; undefined if there is none. */
    find: (token: string, chatNumber: number | null = null): Promise<Erasure | undefined> =>
      findLatest({ token, chatNumber }, [null]),
  };
}

/** A row of `erasures` with its sender as text, which is null if it has none, or is finished. */
export function toErasure(row: ErasureRow): Erasure {
  return { ...row, sender: row.sender === null || row.finishedAt !== null ? null : identifierText(row.sender) };
}

/** Identifies the sender of a finished erasure: SHA-256 of the application's token, a colon and the sender. */
function senderDigest(token: string, sender: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(`${token}:${sender}`).digest());
}

async function eraseApplication(tx: Queryable, token: string): Promise<Erasure | undefined> {
  const owner = await lockOwner(tx, token);
  if (!owner) return undefined;
  await tx.$executeRaw`DELETE FROM applications WHERE id = ${owner.id}`;
  return toErasure(await tx.erasure.create({ data: { token, applicationId: owner.id, requestedAt: new Date() } }));
}

async function eraseChat(tx: Queryable, token: string, number: number): Promise<Erasure | undefined> {
  const owner = await lockOwner(tx, token);
  if (!owner) return undefined;
  const [chat] = await tx.$queryRaw<ChatRow[]>`
    SELECT id, number, messages_count AS messages FROM chats
     WHERE application_id = ${owner.id} AND number = ${number} FOR UPDATE`;
  if (!chat) return undefined;
  await tx.$executeRaw`UPDATE applications SET chats_count = chats_count - 1 WHERE id = ${owner.id}`;
  const data = { token, applicationId: owner.id, chatNumber: number, requestedAt: new Date() };
  const erasure = toErasure(await tx.erasure.create({ data }));
  await takeChats(tx, erasure.id, [chat]);
  return erasure;
}

async function eraseSender(
  tx: Queryable,
  token: string,
  sender: string,
  { epochInRedis, idempotency }: SenderErasureRequest,
): Promise<SenderErasure | undefined> {
  const owner = await lockOwner(tx, token, epochInRedis);
  if (!owner) return undefined;
  const known = idempotency && (await findKeys(tx, token, [idempotency.key])).get(idempotency.key);
  if (idempotency && known) {
    if (!isSameRequest(known.requestHash, idempotency.requestHash)) throw otherRequestConflict(idempotency.key);
    const row = await tx.erasure.findUniqueOrThrow({ where: { id: known.resourceId } });
    // A later request may have extended the erasure.
    return { ...toErasure(row), sender, epoch: row.epoch ?? 0, requestedAt: known.createdAt, replayed: true };
  }
  const requestedAt = new Date();
  const epoch = owner.nextEpoch;
  await tx.$executeRaw`UPDATE applications SET epoch = ${epoch} WHERE id = ${owner.id}`;
  const open = await tx.erasure.findMany({ where: { token, finishedAt: null, sender: { not: null } } });
  const waiting = open.find((row) => row.claimedUntil === null && toErasure(row).sender === sender);
  // A worker that claims it now waits for this transaction, or has changed the row before.
  const { count } = await tx.erasure.updateMany({
    where: { id: waiting?.id ?? 0n, claimedUntil: null, finishedAt: null },
    data: { epoch, requestedAt, markedAt: null },
  });
  if (count === 0 && open.length >= maxOpenErasures) {
    throw new TooManyErasures(`The application has ${open.length} open erasures of senders`);
  }
  const data = { token, applicationId: owner.id, sender: identifierBytes(sender), epoch, requestedAt };
  const row = waiting && count > 0 ? waiting : await tx.erasure.create({ data });
  if (idempotency) await insertKeys(tx, token, [{ idempotency, resourceId: row.id }], requestedAt);
  return { ...toErasure(row), sender, epoch, requestedAt, replayed: false };
}

/** Takes the lock that creating a chat takes, too: none is created while its application is deleted. */
async function lockOwner(
  tx: Queryable,
  token: string,
  epochInRedis = 0,
): Promise<{ id: bigint; nextEpoch: number } | undefined> {
  const [owner] = await tx.$queryRawUnsafe<{ id: bigint; nextEpoch: bigint | number }[]>(
    `SELECT id, GREATEST(epoch + 1, ? + 1, ${timeSince2026("MILLISECOND")}) AS nextEpoch
       FROM applications WHERE token = ? FOR UPDATE`,
    epochInRedis,
    token,
  );
  return owner && { id: owner.id, nextEpoch: Number(owner.nextEpoch) };
}

interface ChatRow {
  readonly id: bigint;
  readonly number: number;
  readonly messages: number;
}

/**
 * Deletes the rows of locked chats and records the chats for the erasure. From the commit on nobody writes into these chats any
 * more: whoever does, locks the row of the chat first.
 */
async function takeChats(tx: Queryable, erasureId: bigint, chats: readonly ChatRow[]): Promise<void> {
  const [newest] = await tx.$queryRaw<{ id: bigint | null }[]>`SELECT MAX(id) AS id FROM search_outbox`;
  const lastOutboxId = newest?.id ?? 0n;
  await tx.erasedChat.createMany({
    data: chats.map(({ id, number, messages }) => ({ chatId: id, erasureId, number, messages, lastOutboxId })),
  });
  await tx.$executeRawUnsafe(`DELETE FROM chats WHERE id IN (${placeholders(chats)})`, ...chats.map(({ id }) => id));
}

/** Takes up to `limit` chats of a deleted application, and returns how many it took. */
export function takeChatsOf(database: Database, { id, applicationId }: Erasure, limit: number): Promise<number> {
  return transaction(database, async (tx) => {
    const chats = await tx.$queryRaw<ChatRow[]>`
      SELECT id, number, messages_count AS messages FROM chats
       WHERE application_id = ${applicationId} ORDER BY number LIMIT ${limit} FOR UPDATE`;
    if (chats.length > 0) await takeChats(tx, id, chats);
    return chats.length;
  });
}

/** Says of chats by token and number whether they, or their application, were deleted. */
export async function findErased(
  tx: Statements,
  chats: readonly { token: string; chat: number }[],
): Promise<(chat: { token: string; chat: number }) => boolean> {
  if (chats.length === 0) return () => false;
  const tokens = [...new Set(chats.map(({ token }) => token))];
  const numbers = [...new Set(chats.map(({ chat }) => chat))];
  const found = await tx.$queryRawUnsafe<{ token: string; chatNumber: number | null }[]>(
    `SELECT application_token AS token, chat_number AS chatNumber FROM erasures
      WHERE application_token IN (${placeholders(tokens)}) AND sender IS NULL
        AND (chat_number IS NULL OR chat_number IN (${placeholders(numbers)}))`,
    ...tokens,
    ...numbers,
  );
  const erased = new Set(found.map(({ token, chatNumber }) => `${token}:${chatNumber ?? ""}`));
  return ({ token, chat }) => erased.has(`${token}:`) || erased.has(`${token}:${chat}`);
}
