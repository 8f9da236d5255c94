import { chatKey, lossesOf } from "./model.ts";
import { reliable } from "./messages.ts";
import type { MessageLine } from "../history/lines.ts";
import type { Model } from "./model.ts";

/** I3. Stored numbers must be unique and without gaps; acknowledged numbers must be unique. */
export function numbersAreUnique(model: Model): string[] {
  const wrong: string[] = [];
  for (const [chat, kept] of Map.groupBy([...model.rows, ...model.deadLetters], chatKey)) {
    const numbers = new Set(kept.map(({ number }) => number));
    if (numbers.size < kept.length) wrong.push(`chat ${chat} holds a number twice`);
    if (model.run.expectations.gaps === true || lossesOf(model).length > 0) continue;
    let before = 0;
    for (const number of [...numbers].sort((a, b) => a - b)) {
      if (number > before + 1) wrong.push(`chat ${chat} has nothing between ${before} and ${number}`);
      before = number;
    }
  }
  for (const messages of Map.groupBy(
    reliable(model),
    (message) => `${chatKey(message)} ${String(message.number)}`,
  ).values()) {
    if (messages.length > 1)
      wrong.push(
        `${messages.map(({ uid }) => uid).join(" and ")} were both acknowledged as ${String(messages[0]!.number)}`,
      );
  }
  return wrong;
}

/** I5. */
export function countsMatch(model: Model): string[] {
  const rows = Map.groupBy(model.rows, chatKey);
  const stored = (chat: string) => rows.get(chat)?.length ?? 0;
  const chats = model.chats.flatMap((chat) => {
    const count = stored(chatKey(chat));
    return chat.messagesCount === count
      ? []
      : [`chat ${chatKey(chat)} has messages_count ${chat.messagesCount} and ${count} messages`];
  });
  const applications = model.applications.flatMap(({ app, chatsCount, chats: count }) =>
    chatsCount === count ? [] : [`application ${app} has chats_count ${chatsCount} and ${count} chats`],
  );
  // A run deletes nothing, so a count above the final one was never true.
  const read = model.operations.flatMap(({ op, app, chat, count, client }) => {
    if (op !== "count" || count === undefined || count <= stored(chatKey({ app, chat }))) return [];
    return [
      `${client} read messages_count ${count} of chat ${app}.${chat}, which has ${stored(chatKey({ app, chat }))} at the end`,
    ];
  });
  return [...chats, ...applications, ...read];
}

/** I8. */
export function documentsMatch(model: Model): string[] {
  return difference(model.rows, model.documents, "the index");
}

/** I16. */
export function stateIsListed(model: Model): string[] {
  return difference(model.rows, model.listed, "the api's lists");
}

function difference(rows: readonly MessageLine[], copies: readonly MessageLine[], name: string): string[] {
  const numberKey = (line: MessageLine) => `${chatKey(line)}.${line.number}`;
  const copied = new Map(copies.map((line) => [numberKey(line), line]));
  const wrong: string[] = [];
  if (copied.size < copies.length) wrong.push(`${name}: ${copies.length - copied.size} messages appear twice`);
  for (const row of rows) {
    const copy = copied.get(numberKey(row));
    if (copy === undefined) wrong.push(`${name}: message ${numberKey(row)} is missing`);
    else if (copy.hash !== row.hash) wrong.push(`${name}: message ${numberKey(row)} has another body`);
    copied.delete(numberKey(row));
  }
  for (const left of copied.keys()) wrong.push(`${name}: message ${left} has no row`);
  return wrong;
}
