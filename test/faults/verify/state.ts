import { chatKey, lossesOf, messageKey, type Model } from "./model.ts";
import { reliable } from "./messages.ts";
import type { MessageLine } from "../history/lines.ts";

/** Judges I3. Stored numbers must be unique and without gaps; acknowledged numbers must be unique. */
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

/** Judges I5. */
export function countsMatch(model: Model): string[] {
  const rows = Map.groupBy(
    model.rows.filter(({ deleted }) => deleted !== true),
    chatKey,
  );
  const all = Map.groupBy(model.rows, chatKey);
  const removals = Map.groupBy(
    model.operations.filter(({ op, outcome }) => op === "remove" && outcome === "ok"),
    chatKey,
  );
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
  // A message is counted once it is stored, and no longer counted once it is deleted. No read may therefore show a
  // higher count.
  const read = model.operations.flatMap((operation) => {
    const { op, count, client, t0 } = operation;
    if (op !== "count" || count === undefined) return [];
    const chat = chatKey(operation);
    const removed = new Set((removals.get(chat) ?? []).filter(({ t1 }) => t1 < t0).map(({ number }) => number));
    const most = (all.get(chat)?.length ?? 0) - (model.run.expectations.losesChanges === true ? 0 : removed.size);
    if (count <= most) return [];
    return [`${client} read messages_count ${count} of chat ${chat}, which had at most ${most} messages`];
  });
  return [...chats, ...applications, ...read];
}

/** Judges I8. */
export function documentsMatch(model: Model): string[] {
  return difference(
    model.rows.filter(({ deleted }) => deleted !== true),
    model.documents,
    "the index",
  );
}

/** Judges I16. */
export function stateIsListed(model: Model): string[] {
  return difference(model.rows, model.listed, "the api's lists");
}

function difference(rows: readonly MessageLine[], copies: readonly MessageLine[], name: string): string[] {
  const copied = new Map(copies.map((line) => [messageKey(line), line]));
  const wrong: string[] = [];
  if (copied.size < copies.length) wrong.push(`${name}: ${copies.length - copied.size} messages appear twice`);
  for (const row of rows) {
    const copy = copied.get(messageKey(row));
    if (copy === undefined) wrong.push(`${name}: message ${messageKey(row)} is missing`);
    else if (copy.hash !== row.hash) wrong.push(`${name}: message ${messageKey(row)} has another body`);
    else if (copy.version !== undefined && copy.version !== row.version)
      wrong.push(`${name}: message ${messageKey(row)} has version ${copy.version} instead of ${String(row.version)}`);
    copied.delete(messageKey(row));
  }
  for (const left of copied.keys()) wrong.push(`${name}: message ${left} has no row`);
  return wrong;
}
