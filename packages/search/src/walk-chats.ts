import { contentBytes, maxNumber } from "@confab/contracts";
import { chunksOf } from "@confab/async";
import { comparePositions, type Position } from "./cursor.ts";
import type { ApplicationFilters, FoundInChat, FoundMessage, SearchedChat } from "./search-index.ts";

/** The stored messages that a search reads. Deleted ones are left out. */
export interface StoredMessages {
  /**
   * Messages of a chat with numbers below `before`, newest first: at most `limit` messages and at most `bytes` bytes of
   * contents, but at least one message. An empty result means the end.
   */
  newest(chatId: bigint, page: { before?: number; limit: number; bytes: number }): Promise<FoundMessage[]>;
  /** For each chat, its highest-numbered message that was created before a time, if there is one. In any order. */
  latestBefore(
    bounds: readonly { chatId: bigint; before: Date }[],
  ): Promise<{ chatId: bigint; number: number; createdAt: Date }[]>;
  /** Chats of an application that have messages, at most `limit` of them, the one with the latest message first. */
  activeChats(
    applicationId: bigint,
    limit: number,
  ): Promise<{ chatId: bigint; chatNumber: number; lastMessageAt: Date }[]>;
}

/** Maximum number of chats that one search reads, those with the latest messages. */
const maxChats = 10_000;
const maxBounds = 100;
/** The first read of a chat. Each further one is twice as large, up to the maximum. */
const firstChunk = 25;
const maxChunk = 250;
const bytesPerMessage = 4_096;

/** Stored messages, from the newest one on. */
export interface Walk<Message, Position> {
  /** The next message; undefined at the end. */
  next(): Promise<{ message: Message; position: Position } | undefined>;
  /** The bytes of the contents that were read and not returned yet. */
  heldBytes(): number;
}

export interface WalkOptions extends Pick<ApplicationFilters, "applicationId" | "chats" | "from" | "to"> {
  /** The walk begins after this position. */
  readonly after?: Position | undefined;
}

/** The rest of a chat in a walk. Its position is that of its next message, or higher before that message was read. */
interface Rest extends Position {
  readonly chatId: bigint;
  /** Messages that were read, newest first. */
  messages: FoundMessage[];
  chunk: number;
  /** The time of the chat's latest message when the walk began. Later ones are left out. */
  latest: number;
}

/**
 * Walks through the messages of an application by position, the highest first, and reads a chat only when its turn comes. A
 * message counts as being as old as the oldest one with a higher number in its chat, so that each chat is read by number
 * even if Redis' clock was set back. Messages that are stored during the walk are left out.
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
    // All of them are new: read on below them.
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

/** Returns where the walk begins in each chat. */
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
    // Among chats with the same time, those with lower numbers follow.
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
