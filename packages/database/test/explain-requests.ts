import { createHash, randomUUID } from "node:crypto";
import { expect } from "chai";
import {
  createErasures,
  createErasureWork,
  createKeys,
  createMessageChanges,
  createHorizons,
  listActs,
  createRetention,
  previewRetention,
  pruneStoredBatches,
  removeHistories,
  pruneIdempotencyKeys,
  pruneMessageKeys,
  createMessageKeys,
  type Chat,
} from "@confab/database";
import { batch, collect, message, remember, type TestDatabase } from "./setup.ts";

export const chatCount = 1_500;
export const messageCount = 6_000;

/** Every query of a request or a batch. */
export const requests: Record<string, (test: TestDatabase, chat: Chat, token: string) => Promise<unknown>> = {
  "lists applications": ({ applications }) => applications.list({ limit: 50 }),
  "lists the next page of applications": ({ applications }, chat) =>
    applications.list({ after: { createdAt: chat.createdAt, token: "8" }, limit: 50 }),
  "finds an application": ({ applications }, _chat, token) => applications.find(token),
  "renames an application": ({ applications }, _chat, token) => applications.change(token, { name: "renamed" }),
  "creates an application": ({ applications }) =>
    applications.create({ token: randomUUID(), name: "n", idempotency: key() }),
  "creates a chat": ({ chats }, _chat, token) => chats.create({ token, idempotency: key() }),
  "lists chats": ({ chats }, _chat, token) => chats.list(token, { limit: 50 }),
  "lists chats further on": ({ chats }, _chat, token) => chats.list(token, { after: 700, limit: 50 }),
  "lists chats backwards": ({ chats }, _chat, token) => chats.list(token, { before: 700, limit: 50 }),
  "lists chats by activity": ({ chats }, _chat, token) => chats.listByActivity(token, { limit: 50 }),
  "lists chats by activity further on": ({ chats }, chat, token) =>
    chats.listByActivity(token, { after: { at: new Date(chat.createdAt.getTime() + 60_000), number: 700 }, limit: 50 }),
  "lists chats without messages": ({ chats }, _chat, token) =>
    chats.listByActivity(token, { after: { at: null, number: 700 }, limit: 50 }),
  "finds a chat": ({ chats }, _chat, token) => chats.find(token, 700),
  "changes a chat": ({ chats }, _chat, token) => chats.change(token, 700, { name: "renamed" }),
  "locates a chat": ({ chats }, _chat, token) => chats.locate(token, 1),
  "finds a message": ({ messages }, chat) => messages.find(chat.id, 300),
  "lists the first messages": ({ messages }, chat) => messages.range(chat.id, { limit: 50 }),
  "lists the last messages": ({ messages }, chat) => messages.range(chat.id, { order: "desc", limit: 50 }),
  "lists a window of messages": ({ messages }, chat) => messages.range(chat.id, { from: 300, to: 349, limit: 50 }),
  "measures a window of messages": ({ messages }, chat) => messages.sizes(chat.id, { from: 300, limit: 50 }),
  "measures the last messages": ({ messages }, chat) => messages.sizes(chat.id, { order: "desc", limit: 50 }),
  "reads the last number": ({ messages }, chat) => messages.lastNumber(chat.id),
  "reads dead-lettered numbers": ({ messages }, chat) =>
    messages.deadLettered({ chatId: chat.id, from: 1, to: 99 }, { order: "asc", limit: 50 }),
  "reads a chat for a search": ({ messages }, chat) =>
    messages.newest(chat.id, { before: 5_000, limit: 50, bytes: 1_000_000 }),
  "reads positions of chats for a search": ({ messages }, chat) =>
    messages.latestBefore([
      { chatId: chat.id, before: new Date() },
      { chatId: chat.id + 1n, before: new Date() },
    ]),
  "lists active chats for a search": ({ messages }, chat) => messages.activeChats(chat.applicationId, 1_000),
  "finds chats by number": ({ chats }, chat) => chats.numbered(chat.applicationId, [1, 700, 701]),
  "finds chats for streams": ({ chats }, _chat, token) =>
    chats.withNames([
      { token, number: 1 },
      { token, number: 700 },
      { token: randomUUID(), number: 1 },
    ]),
  "names the chats of hits": ({ chats }, chat) => chats.named([chat.id, chat.id + 1n]),
  "reads the states of hits": ({ messages }, chat) =>
    messages.states([
      { chatId: chat.id, number: 5 },
      { chatId: chat.id, number: 700 },
      { chatId: chat.id + 1n, number: 1 },
    ]),
  "scans all messages": ({ messages }, chat) => messages.scan({ afterChatId: chat.id, afterNumber: 5_990, limit: 50 }),
  "reads messages to index": ({ messages }, chat) =>
    messages.inRanges([
      { chatId: chat.id, from: 10, to: 20 },
      { chatId: chat.id, from: 500, to: 510 },
    ]),
  "stores a batch": ({ batchStore }, chat) => batchStore.store([batch(message(chat.id, messageCount + 1))]),
  "stores a batch with senders": ({ batchStore }, chat) =>
    batchStore.store([
      batch(...["reader 7", "new"].map((sender, at) => ({ ...message(chat.id, messageCount + 2 + at), sender }))),
    ]),
  "stores a batch again": async ({ batchStore }, chat) => {
    const late = batch(message(chat.id, 5), message(chat.id, 6));
    await batchStore.store([late]);
    await batchStore.store([late]);
  },
  "reads the age of the outbox": ({ outbox }) => outbox.oldestAgeMs(),
  "drains the outbox": ({ outbox }) => outbox.drain(10, () => Promise.resolve()),
  "deletes old stored batches": ({ database }) => pruneStoredBatches(database, 86_400_000),
  "deletes old idempotency keys": ({ database }) => pruneIdempotencyKeys(database, 1),
  "lists earlier versions": ({ database }, chat) =>
    createMessageChanges(database).versions({ chatId: chat.id, number: 30 }, { after: 2, limit: 50 }),
  "deletes earlier versions": async ({ database }, chat) => {
    await createMessageChanges(database).edit({ chatId: chat.id, number: 251 }, { body: "edited" });
    await createMessageChanges(database).remove({ chatId: chat.id, number: 251 });
    await removeHistories(database, { forMs: 5_000 });
  },
  "deletes old keys of messages": ({ database }) => pruneMessageKeys(database, 1),
  "finds keys of messages": ({ database }) => createMessageKeys(database).find(["00".repeat(15), "ff".repeat(15)]),
  "deletes a message": ({ database }, chat) => createMessageChanges(database).remove({ chatId: chat.id, number: 250 }),
  "sets a read horizon": ({ database }, chat) => createHorizons(database).advance(chat.id, "reader 7", 40),
  "finds a read horizon": ({ database }, chat) => createHorizons(database).find(chat.id, "reader 7"),
  "lists read horizons": ({ database }, chat) => createHorizons(database).list(chat.id, { limit: 50 }),
  "lists read horizons further on": ({ database }, chat) =>
    createHorizons(database).list(chat.id, { after: "reader 7", limit: 50 }),
  "counts unread messages near the end of a long chat": ({ database }, chat) =>
    createHorizons(database).unread(chat.id, messageCount - 100, messageCount),
  "counts all messages of a long chat": ({ database }, chat) =>
    createHorizons(database).unread(chat.id, 0, messageCount),
  "lists unread chats": ({ database }, _chat, token) =>
    createHorizons(database).unreadChats(token, "reader 7", { limit: 200 }),
  "lists unread chats further on": ({ database }, chat, token) =>
    createHorizons(database).unreadChats(token, "reader 7", {
      after: { at: new Date(chat.createdAt.getTime() + 60_000), number: 700 },
      limit: 200,
    }),
  "lists keys": ({ database }, _chat, token) => createKeys(database).list(token, { limit: 50 }),
  "lists keys further on": ({ database }, _chat, token) =>
    createKeys(database).list(token, { after: keyIdAt(7), limit: 50 }),
  "checks keys": ({ database }) => createKeys(database).credentials([keyIdAt(3), keyIdAt(4), "unknown0"]),
  "rotates a key": ({ database }, _chat, token) =>
    createKeys(database).rotate(
      token,
      keyIdAt(5),
      { keyId: "rotated0", hash: Buffer.alloc(32), graceMs: 1 },
      { name: "test" },
    ),
  "revokes a key": ({ database }, _chat, token) => createKeys(database).revoke(token, keyIdAt(6), { name: "test" }),
  "writes the last uses of keys": ({ database }) =>
    createKeys(database).markUsed(new Map([3, 4, 5].map((at) => [keyIdAt(at), new Date()]))),
  "lists acts": ({ database }) => listActs(database, { limit: 50 }),
  "lists acts since a time": ({ database }) => listActs(database, { since: new Date(), limit: 50 }),
  "drops a dead letter": async ({ deadLetters }) => {
    const { items } = await deadLetters.list({ limit: 1 });
    await deadLetters.remove(items[0]!.id);
  },
  "deletes a chat": ({ database }, _chat, token) => createErasures(database).eraseChat(token, 3),
  "claims an erasure and carries it out": async ({ database }, chat, token) => {
    const work = createErasureWork(database);
    await createErasures(database).eraseChat(token, 4);
    for (const open of await work.unmarked(100)) await work.noteMarked(open);
    const [waiting] = await work.waiting(20);
    const erasure = (await work.claim(waiting!.id, 1_000))!;
    await work.chatsToClear(erasure, { after: 0n, limit: 50 });
    await work.chatsToCheck(erasure, 1_000, 50);
    await work.firstOutboxId();
    await work.deleteRows([chat.id + 100n, chat.id + 101n], 1_000);
    await work.deleteLetters({ ...erasure, token });
    await work.deleteKeys({ ...erasure, token }, 1_000);
    await work.takeChats({ ...erasure, applicationId: 0n }, 50);
    await work.mark([chat.id + 100n], "clearedAt");
    await work.hasOpenChats(erasure);
    await work.finish(erasure);
  },
  "erases a sender": async ({ database }, chat, token) => {
    const work = createErasureWork(database);
    const erasure = (await createErasures(database).eraseSender(token, "nobody", { epochInRedis: 0 }))!;
    const chats = await work.nextChats(erasure, 1, 1_000);
    await work.deleteHorizons(
      erasure,
      chats.map(({ id }) => id),
    );
    await work.messagesOf(erasure, [{ chatId: chat.id, from: 1, to: 10_000 }]);
    await work.lettersOf({ ...erasure, token }, 0n, 1_000);
    await work.advance(erasure, 5, 1);
    await work.markCleared(erasure);
  },
  "changes the limit of an application": ({ applications }, _chat, token) =>
    applications.change(token, { retentionDays: 7 }),
  "looks for messages over a limit and deletes them": async ({ database, chats }, chat, token) => {
    const retention = createRetention(database);
    await chats.change(token, 701, { retentionDays: 3 });
    const later = new Date(Date.now() + 40 * 86_400_000);
    await retention.claim(1_000);
    const { behindMs, groups } = await retention.look(later, 10);
    expect(groups).to.have.length(2);
    await retention.save(behindMs, 1_000);
    for (const group of groups) {
      const found = await retention.chats(group, later, { limit: 50 });
      await retention.chats(group, later, { after: found[0], limit: 50 });
    }
    await retention.expire(chat.id, later);
    await retention.release(0);
  },
  "previews a limit": ({ database }, _chat, token) => collect(previewRetention(database, { token, days: 7 })),
  "drops a late message of a deleted chat": async ({ batchStore }, chat, token) => {
    remember(token, { id: chat.id + 2n, number: 3 });
    await batchStore.store([batch(message(chat.id + 2n, 1))]);
  },
  "lists dead letters": ({ deadLetters }) => deadLetters.list({ after: 1n, limit: 50 }),
};

/** Returns the public ids of the keys of the tests. */
export function keyIdAt(index: number): string {
  return `key${String(index).padStart(5, "0")}`;
}

export function key() {
  return { key: randomUUID(), requestHash: createHash("sha256").digest() };
}
