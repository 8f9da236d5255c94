import { isRefusal } from "./errors.ts";
import {
  findKeys,
  deletedConflict,
  insertKeys,
  isSameRequest,
  otherRequestConflict,
  type Idempotency,
} from "./idempotency.ts";
import { withMetadata } from "./metadata-text.ts";
import { placeholderRows, transaction } from "./transaction.ts";
import type { CommitGuard } from "./attempt.ts";
import type { Database, Queryable } from "./client.ts";
import type { Metadata } from "@confab/contracts";
import type { Chat as ChatRow } from "./generated/client.ts";
import type { Outcome } from "./group-commit.ts";

/** A chat in the database. */
export type Chat = Omit<ChatRow, "metadata"> & { readonly metadata: Metadata | null };

export interface NewChat {
  readonly name?: string | null | undefined;
  readonly metadata?: Metadata | null | undefined;
  /** Age at which messages are deleted. Null means as the application's, 0 means never. */
  readonly retentionDays?: number | null | undefined;
  readonly idempotency?: Idempotency | undefined;
}

export type CreatedChat = Chat & { replayed: boolean };

type Creation = Outcome<CreatedChat | undefined>;

/** Creates chats of one application in one transaction. A refused chat does not affect the others. */
export async function createTogether(
  database: Database,
  token: string,
  requests: readonly NewChat[],
  guardOf: (requests: readonly NewChat[]) => CommitGuard,
): Promise<readonly Creation[]> {
  try {
    return await transaction(database, (tx) => create(tx, token, requests), { guard: guardOf(requests) });
  } catch (error) {
    if (requests.length === 1 || !isRefusal(error)) throw error;
    const outcomes: Creation[] = [];
    for (const request of requests) {
      outcomes.push(
        ...(await createTogether(database, token, [request], guardOf).catch((alone: unknown) => [{ error: alone }])),
      );
    }
    return outcomes;
  }
}

async function create(tx: Queryable, token: string, requests: readonly NewChat[]): Promise<readonly Creation[]> {
  // The lock on the application makes the numbers gapless, and allows only one creation at a time to check idempotency
  // keys.
  const [owner] = await tx.$queryRaw<{ id: bigint; last: number }[]>`
    SELECT id, last_chat_number AS last FROM applications WHERE token = ${token} FOR UPDATE`;
  if (!owner) return requests.map(() => ({ value: undefined }));

  const keys = new Set(requests.flatMap(({ idempotency }) => idempotency?.key ?? []));
  const known = await findKeys(tx, token, [...keys]);
  const firstWithKey = new Map<string, NewChat>();
  const fresh = requests.filter((request) => {
    const key = request.idempotency?.key;
    if (key === undefined) return true;
    if (known.has(key) || firstWithKey.has(key)) return false;
    firstWithKey.set(key, request);
    return true;
  });
  const created = await insert(tx, token, owner, fresh);
  const replayable = await findByIds(
    tx,
    [...known.values()].map((key) => key.resourceId),
  );

  return requests.map((request): Creation => {
    const mine = created.get(request);
    if (mine) return { value: { ...mine, replayed: false } };
    if (!request.idempotency) return { error: new Error("The chat was inserted but cannot be found") };
    const { key, requestHash } = request.idempotency;
    const leader = firstWithKey.get(key);
    const stored = known.get(key);
    const first = leader?.idempotency ?? stored;
    const chat = leader ? created.get(leader) : stored && replayable.get(stored.resourceId);
    if (!first || !chat) return { error: deletedConflict(key) };
    if (!isSameRequest(first.requestHash, requestHash)) return { error: otherRequestConflict(key) };
    return { value: { ...chat, replayed: true } };
  });
}

async function insert(
  tx: Queryable,
  token: string,
  owner: { id: bigint; last: number },
  fresh: readonly NewChat[],
): Promise<Map<NewChat, Chat>> {
  if (fresh.length === 0) return new Map();
  const now = new Date();
  await tx.$executeRaw`
    UPDATE applications SET last_chat_number = last_chat_number + ${fresh.length}, chats_count = chats_count + ${fresh.length}
     WHERE id = ${owner.id}`;
  await tx.$executeRawUnsafe(
    `INSERT INTO chats (application_id, number, name, metadata, retention_days, created_at, updated_at)
     VALUES ${placeholderRows(fresh.length, 7)}`,
    ...fresh.flatMap(({ name, metadata, retentionDays }, i) => [
      owner.id,
      owner.last + 1 + i,
      name ?? null,
      metadata?.text ?? null,
      retentionDays ?? null,
      now,
      now,
    ]),
  );
  const rows = await tx.chat.findMany({
    where: { applicationId: owner.id, number: { gt: owner.last } },
    orderBy: { number: "asc" },
  });
  const created = new Map(fresh.flatMap((request, i) => (rows[i] ? [[request, withMetadata(rows[i])]] : [])));
  await insertKeys(
    tx,
    token,
    [...created].flatMap(([{ idempotency }, chat]) => (idempotency ? [{ idempotency, resourceId: chat.id }] : [])),
    now,
  );
  return created;
}

async function findByIds(tx: Queryable, ids: bigint[]): Promise<Map<bigint, Chat>> {
  if (ids.length === 0) return new Map();
  const chats = await tx.chat.findMany({ where: { id: { in: ids } } });
  return new Map(chats.map((chat) => [chat.id, withMetadata(chat)]));
}
