import { findErased } from "./erasures.ts";
import { placeholders } from "./transaction.ts";
import type { Statements } from "./session.ts";
import type { NewMessage } from "./message-rows.ts";

/** A message with its chat as clients name it. */
export interface AddressedMessage extends NewMessage {
  readonly token: string;
  readonly chat: number;
  /** True if it differs from the accepted message. It must not be stored. */
  readonly damaged?: boolean;
}

/** Where a message belongs. */
export type Placed = Pick<AddressedMessage, "token" | "chat" | "chatId" | "damaged">;

/** Messages grouped by whether their chat still has the id under which they were accepted. */
export interface Placement<M> {
  readonly placed: M[];
  /** The chat has a different id. */
  readonly misplaced: M[];
  /** The chat does not exist, and was not deleted either; or it has another id, and the message is damaged, so it is not known whose it is. */
  readonly unknown: M[];
  /** The chat or its application was deleted. */
  readonly erased: M[];
}

/**
 * Checks that no message gets into another application's chat. A server that lost its last transactions, for example in
 * a failover, assigns the ids of lost chats to new ones.
 */
export async function checkOwners<M extends Placed>(tx: Statements, messages: readonly M[]): Promise<Placement<M>> {
  if (messages.length === 0) return { placed: [], misplaced: [], unknown: [], erased: [] };
  const ids = [...new Set(messages.map(({ chatId }) => chatId))];
  const owners = await tx.$queryRawUnsafe<{ id: bigint; chat: number; token: string }[]>(
    `SELECT c.id, c.number AS chat, a.token FROM chats c JOIN applications a ON a.id = c.application_id WHERE c.id IN (${placeholders(ids)})`,
    ...ids,
  );
  const ownerById = new Map(owners.map((owner) => [owner.id, owner]));
  const isPlaced = ({ chatId, token, chat }: M): boolean => {
    const owner = ownerById.get(chatId);
    return owner?.token === token && owner.chat === chat;
  };
  const others = messages.filter((message) => !isPlaced(message));
  if (others.length === 0) return { placed: [...messages], misplaced: [], unknown: [], erased: [] };

  const strays = [...new Map(others.map((message) => [nameOf(message), message])).values()];
  const found = await tx.$queryRawUnsafe<{ chat: number; token: string }[]>(
    strays.map(() => chatOf).join(" UNION ALL "),
    ...strays.flatMap(({ token, chat }) => [token, chat]),
  );
  const known = new Set(found.map(nameOf));
  const isMisplaced = (message: M): boolean => known.has(nameOf(message));
  const nowhere = others.filter((message) => !isMisplaced(message));
  const isErased = await findErased(tx, nowhere);
  return {
    placed: messages.filter(isPlaced),
    misplaced: others.filter((message) => isMisplaced(message) && !message.damaged),
    unknown: others.filter((message) => (isMisplaced(message) ? message.damaged : !isErased(message))),
    erased: nowhere.filter(isErased),
  };
}

const chatOf =
  "SELECT c.number AS chat, a.token FROM applications a JOIN chats c ON c.application_id = a.id WHERE a.token = ? AND c.number = ?";

function nameOf({ token, chat }: { token: string; chat: number }): string {
  return `${token}:${chat}`;
}
