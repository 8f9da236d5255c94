import { crc32 } from "node:zlib";
import {
  contentOf,
  type Application,
  type Chat,
  type ChatHits,
  type Key,
  type Message,
  type MessageContent,
  type MessageVersion,
  type SearchHit,
  type ReadHorizon,
  type ReadState,
  type UnreadChat,
} from "@confab/contracts";
import type {
  Application as ApplicationRow,
  Chat as ChatRow,
  EarlierVersion,
  KeyRow,
  ReadHorizon as ReadHorizonRow,
  UnreadChat as UnreadChatRow,
} from "@confab/database";
import type { HitCounts } from "@confab/search";

/** Returns an application as clients see it: without internal ids, and with times in ISO 8601. */
export function toApplication(application: ApplicationRow): Application {
  const { token, name, chatsCount, retentionDays, createdAt, updatedAt } = application;
  return {
    token,
    name,
    chats_count: chatsCount,
    retention_days: retentionDays,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

export function toChat(token: string, chat: ChatRow): Chat {
  const {
    number,
    name,
    metadata,
    messagesCount,
    lastMessageNumber,
    lastMessageAt,
    lastChangeNumber,
    retentionDays,
    createdAt,
    updatedAt,
  } = chat;
  return {
    application_token: token,
    number,
    name,
    metadata,
    messages_count: messagesCount,
    last_message_number: lastMessageNumber,
    last_message_at: lastMessageAt?.toISOString() ?? null,
    last_change_number: lastChangeNumber,
    retention_days: retentionDays,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

/** A message to show to clients, stored or pending. */
export interface ReadableMessage extends MessageContent {
  readonly number: number;
  readonly uid: Uint8Array;
  readonly version: number;
  readonly changeNumber: number | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly editedAt: Date | null;
  readonly deletedAt: Date | null;
}

/** Returns a pending message from its record. A pending message has no changes yet. */
export function fromRecord(
  number: number,
  record: MessageContent & Pick<ReadableMessage, "uid" | "createdAt">,
): ReadableMessage {
  const { uid, createdAt } = record;
  const unchanged = { version: 1, changeNumber: null, editedAt: null, deletedAt: null };
  return { number, uid, ...contentOf(record), ...unchanged, createdAt, updatedAt: createdAt };
}

/**
 * Returns a tag that identifies one version of one message. After Redis lost data, another message may have the same
 * number and version. After MySQL lost data, a message may have the same version with another text, but not with the
 * same change number.
 */
export function tagOf({
  version,
  uid,
  changeNumber,
}: Pick<ReadableMessage, "version" | "uid" | "changeNumber">): string {
  const tag = `${version}-${nameOf(uid)}`;
  return changeNumber === null ? tag : `${tag}-${changeNumber.toString(36)}`;
}

/** Returns whether a tag names a version of this message. */
export function isTagOf(tag: string, { uid }: Pick<ReadableMessage, "uid">): boolean {
  return tag.split("-")[1] === nameOf(uid);
}

function nameOf(uid: Uint8Array): string {
  return crc32(uid).toString(16).padStart(8, "0");
}

export function toMessage(token: string, chat: number, message: ReadableMessage): Message {
  return {
    application_token: token,
    chat_number: chat,
    number: message.number,
    ...contentOf(message),
    ...(message.deletedAt !== null && { body: null }),
    version: message.version,
    change_number: message.changeNumber,
    created_at: message.createdAt.toISOString(),
    updated_at: message.updatedAt.toISOString(),
    edited_at: message.editedAt?.toISOString() ?? null,
    deleted_at: message.deletedAt?.toISOString() ?? null,
  };
}

export function toHit(token: string, chat: number, hit: ReadableMessage & { highlights: string[] }): SearchHit {
  return { ...toMessage(token, chat, hit), highlights: hit.highlights };
}

export function toChatHits({ chats, isExact }: HitCounts): ChatHits[] {
  return chats.map(({ chatNumber, hits }) => ({ chat_number: chatNumber, hits_count: hits, exact: isExact }));
}

export function toVersion({ version, body, metadata, createdAt }: EarlierVersion): MessageVersion {
  return { version, body, metadata, created_at: createdAt.toISOString() };
}

export function toReadHorizon({ reader, number, updatedAt }: ReadHorizonRow): ReadHorizon {
  return { reader, number, updated_at: updatedAt.toISOString() };
}

/** How far a reader has read a chat, and how many messages are unread. */
export interface HorizonState {
  readonly reader: string;
  readonly number: number;
  readonly unread: number;
  /** Time of the horizon's last update; null if the reader has no horizon. */
  readonly updatedAt: Date | null;
}

export function toReadState({ reader, number, unread, updatedAt }: HorizonState): ReadState {
  return { reader, number, unread, updated_at: updatedAt?.toISOString() ?? null };
}

export function toUnreadChat({ number, horizon, unread, lastMessageNumber, lastMessageAt }: UnreadChatRow): UnreadChat {
  return {
    chat_number: number,
    number: horizon,
    unread,
    last_message_number: lastMessageNumber,
    last_message_at: lastMessageAt.toISOString(),
  };
}

export function toKey({ publicId, name, scopes, publicKey, createdAt, expiresAt, lastUsedAt, revokedAt }: KeyRow): Key {
  return {
    key_id: publicId,
    name,
    scopes: [...scopes],
    public_key: publicKey,
    created_at: createdAt.toISOString(),
    expires_at: expiresAt?.toISOString() ?? null,
    last_used_at: lastUsedAt?.toISOString() ?? null,
    revoked_at: revokedAt?.toISOString() ?? null,
  };
}
