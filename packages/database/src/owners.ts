import { list } from "./transaction.ts";
import type { Queryable } from "./client.ts";
import type { NewMessage } from "./message-rows.ts";

/** A message with its chat as the client named it. */
export interface AddressedMessage extends NewMessage {
  readonly token: string;
  readonly chat: number;
  /** It is not what was accepted: it must not become a row. */
  readonly damaged?: boolean;
}

/** Messages by whether the chat that they name has the id that they were accepted under. */
export interface Placement<M> {
  readonly placed: M[];
  /** The chat has another id. */
  readonly misplaced: M[];
  /** There is no such chat. */
  readonly unknown: M[];
}

/**
 * Checks that no message gets into another application's chat: a server that lost its last transactions, in a failover for
 * example, gives the ids of lost chats to new ones.
 */
export async function checkOwners<M extends AddressedMessage>(
  tx: Queryable,
  messages: readonly M[],
): Promise<Placement<M>> {
  const chats = [...new Map(messages.map((message) => [nameOf(message), message])).values()];
  if (chats.length === 0) return { placed: [], misplaced: [], unknown: [] };
  const ids = [...new Set(messages.map(({ chatId }) => chatId))];
  const owners = await tx.$queryRawUnsafe<{ id: bigint; chat: number; token: string }[]>(
    `SELECT c.id, c.number AS chat, a.token FROM chats c JOIN applications a ON a.id = c.application_id WHERE c.id IN (${list(ids)})`,
    ...ids,
  );
  const nameById = new Map(owners.map((owner) => [owner.id, nameOf(owner)]));
  const isPlaced = (message: M): boolean => nameById.get(message.chatId) === nameOf(message);
  if (messages.every(isPlaced)) return { placed: [...messages], misplaced: [], unknown: [] };

  const strays = chats.filter((message) => !isPlaced(message));
  const found = await Promise.all(
    strays.map(({ token, chat }) => tx.chat.findFirst({ where: { number: chat, application: { token } } })),
  );
  const known = new Set(strays.filter((_, at) => found[at] !== null).map(nameOf));
  const others = messages.filter((message) => !isPlaced(message));
  return {
    placed: messages.filter(isPlaced),
    misplaced: others.filter((message) => known.has(nameOf(message))),
    unknown: others.filter((message) => !known.has(nameOf(message))),
  };
}

function nameOf({ token, chat }: { token: string; chat: number }): string {
  return `${token}:${chat}`;
}
