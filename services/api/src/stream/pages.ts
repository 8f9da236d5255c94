import { messagesQuerySchema, type Message } from "@confab/contracts";
import type { Chat, MessageChanges } from "@confab/database";
import type { Logger } from "@confab/runtime";
import { toMessage, type ReadableMessage } from "../representations.ts";
import type { ReadMessages } from "../use-cases/read-messages.ts";

/** How far a reader has read a chat: its messages up to a number, and its changes up to a change number. */
export interface Position {
  readonly number: number;
  readonly change: number;
}

/** One event of a stream, encoded. */
export interface Frame {
  readonly bytes: Buffer;
  /** The message and its change number, for an event about a message. */
  readonly message?: { readonly number: number; readonly change: number } | undefined;
  readonly isChange: boolean;
}

export interface EventPage {
  readonly frames: readonly Frame[];
  readonly next: Position;
  /** True if there was nothing more when the page was read. */
  readonly isEnd: boolean;
}

export interface EventPages {
  /**
   * The events after a position: messages above its number, then changes above its change number, each as it is now. Readers at
   * the same position share one read.
   */
  read(token: string, chat: Chat, position: Position, logger: Logger): Promise<EventPage>;
  /** Reads that began before do not answer readers that ask from now on. */
  forget(chatId: bigint): void;
}

export interface EventPagesOptions {
  readMessages: Pick<ReadMessages, "list">;
  changes: Pick<MessageChanges, "after">;
}

const messagesAtOnce = 100;

/** The id of the event that leads to a position; a chat without changes has only numbers. */
export function eventId({ number, change }: Position): string {
  return change === 0 ? String(number) : `${number}-${change}`;
}

/** Encodes an event (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export function encodeEvent(event: string, data: unknown, id?: string): Buffer {
  const lines = id === undefined ? "" : `id: ${id}\n`;
  return Buffer.from(`${lines}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** Reads pages of events. */
export function createEventPages({ readMessages, changes }: EventPagesOptions): EventPages {
  const reads = new Map<bigint, Map<string, Promise<EventPage>>>();

  async function readPage(token: string, chat: Chat, { number, change }: Position, logger: Logger): Promise<EventPage> {
    const query = messagesQuerySchema.parse({ after: String(number), limit: String(messagesAtOnce) });
    const { items, link } = await readMessages.list(token, chat, query, logger);
    const frames: Frame[] = [];
    let last = number;
    for (const item of items) {
      // In neither store: these numbers are dead letters, or were lost with Redis' data, and will have no message.
      if (item.number > last + 1) frames.push(gap(last + 1, item.number - 1, change));
      last = item.number;
      frames.push(frameOf("message", { number: last, change }, toMessage(token, chat.number, item), item, false));
    }
    if (link.next !== undefined) return { frames, next: { number: last, change }, isEnd: false };

    const changed = await changes.after(chat.id, change, messagesAtOnce);
    let lastChange = change;
    for (const item of changed.items) {
      lastChange = item.changeNumber ?? lastChange;
      // A message above is yet to come, as it is then.
      if (item.number > last) continue;
      const event = item.deletedAt === null ? "edited" : "deleted";
      const at = { number: last, change: lastChange };
      frames.push(frameOf(event, at, toMessage(token, chat.number, item), item, true));
    }
    return { frames, next: { number: last, change: lastChange }, isEnd: changed.next === undefined };
  }

  return {
    read(token, chat, position, logger) {
      const ofChat = reads.get(chat.id) ?? new Map<string, Promise<EventPage>>();
      reads.set(chat.id, ofChat);
      const key = eventId(position);
      const known = ofChat.get(key);
      if (known) return known;
      const page = readPage(token, chat, position, logger).finally(() => {
        if (ofChat.get(key) === page) ofChat.delete(key);
        if (ofChat.size === 0 && reads.get(chat.id) === ofChat) reads.delete(chat.id);
      });
      ofChat.set(key, page);
      return page;
    },
    forget(chatId) {
      reads.delete(chatId);
    },
  };
}

function gap(from: number, to: number, change: number): Frame {
  return { bytes: encodeEvent("gap", { from, to }, eventId({ number: to, change })), isChange: false };
}

function frameOf(
  event: "message" | "edited" | "deleted",
  at: Position,
  data: Message,
  { number, changeNumber }: ReadableMessage,
  isChange: boolean,
): Frame {
  return {
    bytes: encodeEvent(event, data, eventId(at)),
    message: changeNumber === null ? undefined : { number, change: changeNumber },
    isChange,
  };
}
