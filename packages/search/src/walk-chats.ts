import { contentBytes, maxNumber } from "@confab/contracts";
import { chunksOf } from "@confab/async";
import { comparePositions, type Position } from "./cursor.ts";
import type { ApplicationFilters, FoundInChat, FoundMessage, SearchedChat } from "./search-index.ts";

/** Reads stored messages for a search, but no deleted ones. */
export interface StoredMessages {
  /**
   * Returns messages of a chat with numbers below `before`, newest first: at most `limit` messages and at most `bytes`
   * bytes of contents, but at least one message. An empty result means the end.
   */
  newest(chatId: bigint, page: { before?: number; limit: number; bytes: number }): Promise<FoundMessage[]>;
  /**
   * Returns for each chat the highest-numbered message that was created before the given time, if there is one. The
   * result is in any order.
   */
  latestBefore(
    bounds: readonly { chatId: bigint; before: Date }[],
  ): Promise<{ chatId: bigint; number: number; createdAt: Date }[]>;
  /** Returns at most `limit` chats of an application that have messages, the one with the latest message first. */
  activeChats(
    applicationId: bigint,
    limit: number,
  ): Promise<{ chatId: bigint; chatNumber: number; lastMessageAt: Date }[]>;
}

/** Maximum number of chats that one search reads. It reads those with the latest messages. */
const maxChats = 10_000;
const maxBounds = 100;
/** Number of messages in the first read of a chat. Each further read is twice as large, up to the maximum. */
const firstChunk = 25;
const maxChunk = 250;
const bytesPerMessage = 4_096;

/** A walk through stored messages from newest to oldest. */
export interface Walk<Message, Position> {
  /** Returns the next message, or undefined at the end. */
  next(): Promise<{ message: Message; position: Position } | undefined>;
  /** Returns the number of bytes of contents that have been read but not yet returned. */
  heldBytes(): number;
}

export interface WalkOptions extends Pick<ApplicationFilters, "applicationId" | "chats" | "from" | "to"> {
  /** Position after which the walk begins. */
  readonly after?: Position | undefined;
}

/**
 * The remaining messages of a chat in a walk. The position of a rest is that of its next message or, until this message
 * has been read, a higher one.
 */
interface Rest extends Position {
  readonly chatId: bigint;
  /** Messages that were read and not returned yet, newest first. */
  messages: FoundMessage[];
  chunk: number;
  /** Time of the chat's latest message when the walk began. Later messages are left out. */
  latest: number;
}

/**
 * Starts a walk through the messages of an application in descending order of position. It reads a chat only when its
 * turn comes. A message counts as no newer than any message with a higher number in its chat, so that each chat is read
 * by number even if Redis' clock was set back. Messages that are stored during the walk are left out.
 */
export async function walkChats(
  stored: StoredMessages,
  { from, ...options }: WalkOptions,
): Promise<Walk<FoundInChat, Position>> {
  const rests = (await beginningOf(stored, options)).sort(comparePositions);
  let held = 0;

  function insert(rest: Rest): void {
    let [low, high] = [0, rests.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comparePositions(rests[middle]!, rest) < 0) low = middle + 1;
      else high = middle;
    }
    rests.splice(low, 0, rest);
  }

  /** Moves a chat to the position of its next message. */
  function moveTo(rest: Rest, { createdAt, number }: FoundMessage): void {
    insert(Object.assign(rest, { time: Math.min(rest.time, createdAt.getTime()), number }));
  }

  async function read(rest: Rest): Promise<void> {
    const { chatId, chunk, number, latest } = rest;
    const messages = await stored.newest(chatId, {
      before: number + 1,
      limit: chunk,
      bytes: chunk * bytesPerMessage,
    });
    const first = messages.findIndex(({ createdAt }) => createdAt.getTime() <= latest);
    const lowest = messages.at(-1);
    if (lowest === undefined) return;
    rest.chunk = Math.min(2 * chunk, maxChunk);
    // All of these messages were stored after the walk began, so the walk continues below them.
    if (first === -1) {
      insert(Object.assign(rest, { number: lowest.number - 1 }));
      return;
    }
    rest.latest = Infinity;
    rest.messages = messages.slice(first);
    for (const message of rest.messages) held += contentBytes(message);
    moveTo(rest, rest.messages[0]!);
  }

  return {
    heldBytes: () => held,
    async next() {
      for (let rest = rests.pop(); rest !== undefined; rest = rests.pop()) {
        const { time, chatId, chatNumber, number } = rest;
        if (from !== undefined && time < from.getTime()) return undefined;
        const message = rest.messages.shift();
        if (message === undefined) {
          await read(rest);
          continue;
        }
        held -= contentBytes(message);
        const following = rest.messages[0];
        if (following !== undefined) moveTo(rest, following);
        else insert(Object.assign(rest, { number: number - 1 }));
        return { message: { ...message, chatId, chatNumber }, position: { time, chatNumber, number } };
      }
      return undefined;
    },
  };
}

/** Returns the position at which the walk begins in each chat. */
async function beginningOf(
  stored: StoredMessages,
  { applicationId, chats, to, after }: Omit<WalkOptions, "from">,
): Promise<Rest[]> {
  const rests: Rest[] = [];
  const bounds: { chat: SearchedChat; before: Date }[] = [];
  const end = to?.getTime() ?? Infinity;
  const isAfter = after !== undefined && after.time < end;
  for (const chat of chats ?? (await activeChats(stored, applicationId))) {
    if (chat.lastMessageAt === null) continue;
    const latest = chat.lastMessageAt.getTime();
    // If chats have the same time, those with lower numbers come later in the walk.
    const before = isAfter ? after.time + (chat.number < after.chatNumber ? 1 : 0) : end;
    if (isAfter && chat.number === after.chatNumber) {
      rests.push(restOf(chat, { time: after.time, number: after.number - 1 }, Infinity));
    } else if (latest < before) rests.push(restOf(chat, { time: latest, number: maxNumber - 1 }, latest));
    else bounds.push({ chat, before: new Date(before) });
  }
  for (const group of chunksOf(bounds, { maxItems: maxBounds, maxSize: maxBounds, sizeOf: () => 1 })) {
    const chatsById = new Map(group.map(({ chat }) => [chat.id, chat]));
    for (const { chatId, number, createdAt } of await stored.latestBefore(
      group.map(({ chat, before }) => ({ chatId: chat.id, before })),
    )) {
      rests.push(restOf(chatsById.get(chatId)!, { time: createdAt.getTime(), number }, Infinity));
    }
  }
  return rests;
}

async function activeChats(stored: StoredMessages, applicationId: bigint): Promise<SearchedChat[]> {
  const chats = await stored.activeChats(applicationId, maxChats);
  return chats.map(({ chatId, chatNumber, lastMessageAt }) => ({ id: chatId, number: chatNumber, lastMessageAt }));
}

function restOf(chat: SearchedChat, { time, number }: { time: number; number: number }, latest: number): Rest {
  return { chatId: chat.id, chatNumber: chat.number, time, number, messages: [], chunk: firstChunk, latest };
}
