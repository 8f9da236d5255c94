import { randomBytes, randomUUID } from "node:crypto";
import { createTestDatabase } from "@confab/testkit";
import {
  createApplications,
  createChats,
  createDatabase,
  createDeadLetters,
  createMessages,
  createOutbox,
  createBatchStore,
  migrate,
  type NewBatch,
  type AddressedMessage,
  type Chat,
  type DatabaseOptions,
} from "@confab/database";
import { ignoreLostSessionRejections } from "@confab/database/lost-sessions";

// Mocha ignores unhandled rejections. With this handler, unhandled rejections of our code fail the test.
ignoreLostSessionRejections();

/** A body that the database refuses. */
export const tooLong = "x".repeat(65_536);

/** Creates a separate migrated database with all repositories. */
export async function openTestDatabase(options: Partial<DatabaseOptions> = {}) {
  const created = await createTestDatabase();
  const { url } = created;
  await migrate(url);
  const database = createDatabase({ url, ...options });
  const chats = createChats(database);
  const messages = createMessages(database);
  const applications = createApplications(database);
  return {
    url,
    database,
    applications,
    chats,
    messages,
    batchStore: createBatchStore(database),
    outbox: createOutbox(database),
    deadLetters: createDeadLetters(database),

    /** Creates a new application with one chat. */
    async newChat(): Promise<Chat & { token: string }> {
      const { token } = await applications.create({ token: randomUUID(), name: "test" });
      const chat = await chats.create({ token });
      if (!chat) throw new Error("the application does not exist");
      remember(token, chat);
      return { ...chat, token };
    },

    /** Returns the numbers of a chat's stored messages. */
    numbersOf: async (chatId: bigint) => (await messages.range(chatId, { limit: 5_000 })).map(({ number }) => number),

    /** Returns the ranges in the search outbox, in the order in which they were added. */
    async outboxRanges(): Promise<[from: number, to: number][]> {
      const rows = await database.prisma.searchOutboxEntry.findMany({ orderBy: { id: "asc" } });
      return rows.map(({ fromNumber, toNumber }) => [fromNumber, toNumber]);
    },

    async close(): Promise<void> {
      await database.close();
      await created.drop();
    },
  };
}

export type TestDatabase = Awaited<ReturnType<typeof openTestDatabase>>;

const names = new Map<bigint, { token: string; chat: number }>();

/** Registers a chat, so that `message` can address it by its id. */
export function remember(token: string, { id, number }: Pick<Chat, "id" | "number">): void {
  names.set(id, { token, chat: number });
}

/** Returns a message for a chat that `newChat` created or `remember` registered. */
export function message(chatId: bigint, number: number, body = `message ${number}`): AddressedMessage {
  const name = names.get(chatId);
  if (!name) throw new Error("the chat is not registered");
  return { ...name, chatId, number, uid: randomBytes(16), body, createdAt: new Date() };
}

export function batch(...messages: AddressedMessage[]): NewBatch {
  return { id: randomBytes(16), messages };
}

/** Returns the error with which a promise was rejected. Fails if the promise is fulfilled. */
export async function rejection(work: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await work;
  } catch (error) {
    return error;
  }
  throw new Error(`expected a rejection, got ${String(value)}`);
}

/** Returns all items of an asynchronous iteration. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
