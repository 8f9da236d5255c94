import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createApplications, createChats } from "@confab/database";
import type { Stores, World } from "../world.ts";

/** The application to which messages are sent. Its chats have the numbers 1 to `chats`. */
export interface Target {
  readonly token: string;
  readonly chats: number;
}

const bodiesPerChat = 10;

/** Creates an application with this many chats. */
export async function createTarget({ database }: Stores, chats = 100): Promise<Target> {
  const token = randomUUID();
  await createApplications(database).create({ token, name: "benchmark" });
  const { create } = createChats(database);
  await Promise.all(Array.from({ length: chats }, () => create({ token })));
  return { token, chats };
}

/** Returns the texts that are sent to a chat. Each has 80 to 100 bytes. */
export function bodiesOf(chat: number): string[] {
  return Array.from(
    { length: bodiesPerChat },
    (_, at) => `The quick brown fox of chat ${chat} jumps over the lazy dog, and the dog – it's “only” nr ${at}.`,
  );
}

/** Returns the mean size of the texts in bytes. All texts are sent equally often. */
export function meanBodyBytes({ chats }: Target): number {
  const bodies = Array.from({ length: chats }, (_, chat) => bodiesOf(chat + 1)).flat();
  return Buffer.byteLength(bodies.join("")) / bodies.length;
}

/** Creates an application with chats, and writes requests for them to the folder of the run. */
export async function prepareRequests(
  { folder }: Pick<World, "folder">,
  stores: Stores,
  { chats, perRequest }: { chats?: number | undefined; perRequest?: number | undefined } = {},
): Promise<{ target: Target; requests: string }> {
  const target = await createTarget(stores, chats);
  const requests = join(folder, "requests");
  await writeRequests(requests, target, perRequest);
  return { target, requests };
}

/**
 * Writes one request per line, for the chats in turn. With `perRequest`, each request is a batch of that many messages.
 */
export async function writeRequests(file: string, { token, chats }: Target, perRequest?: number): Promise<void> {
  const messages = Array.from({ length: chats * bodiesPerChat }, (_, at) => {
    const chat = 1 + (at % chats);
    return { application_token: token, chat_number: chat, body: bodiesOf(chat)[Math.floor(at / chats)]! };
  });
  const requests = perRequest === undefined ? messages : batches(messages, perRequest);
  await writeFile(file, requests.map((request) => `${JSON.stringify(request)}\n`).join(""));
}

function batches<T>(messages: readonly T[], size: number): { messages: T[] }[] {
  return messages.map((_, at) => ({
    messages: Array.from({ length: size }, (_, next) => messages[(at * size + next) % messages.length]!),
  }));
}
