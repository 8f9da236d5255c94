import { messagesQuerySchema, type Message } from "@confab/contracts";
import type { Chat, MessageChanges } from "@confab/database";
import type { Logger } from "@confab/runtime";
import { encodeFrame, eventId, type Frame, type Position } from "./frames.ts";
import { toMessage, type ReadableMessage } from "../representations.ts";
import type { ReadMessages } from "../use-cases/read-messages.ts";
import type { SharedReads } from "./shared-reads.ts";

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
  read(token: string, chat: StreamedChat, position: Position): Promise<EventPage>;
}

export interface EventPagesOptions {
  readMessages: Pick<ReadMessages, "list">;
  changes: Pick<MessageChanges, "after">;
  reads: Pick<SharedReads, "read">;
  /** Not that of a request, because readers share a read. */
  logger: Logger;
}

type StreamedChat = Pick<Chat, "id" | "number">;

const messagesAtOnce = 100;

/** Reads pages of events. */
export function createEventPages({ readMessages, changes, reads, logger }: EventPagesOptions): EventPages {
  async function readPage(token: string, chat: StreamedChat, { number, change }: Position): Promise<EventPage> {
    const query = messagesQuerySchema.parse({ after: String(number), limit: String(messagesAtOnce) });
    const { items, link } = await readMessages.list(token, chat, query, logger);
    const frames: Frame[] = [];
    let last = number;
    for (const item of items) {
      // In neither store: these numbers are dead letters, or were lost with Redis' data, and will have no message.
      if (item.number > last + 1) frames.push(gap(chat.number, last + 1, item.number - 1, change));
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
    read: (token, chat, position) =>
      reads.read(chat.id, `events ${eventId(position)}`, () => readPage(token, chat, position)),
  };
}

function gap(chat: number, from: number, to: number, change: number): Frame {
  return encodeFrame("gap", { chat_number: chat, from, to }, { at: { number: to, change }, isChange: false });
}

function frameOf(
  event: "message" | "edited" | "deleted",
  at: Position,
  data: Message,
  { number, changeNumber }: ReadableMessage,
  isChange: boolean,
): Frame {
  const message = changeNumber === null ? undefined : { number, change: changeNumber };
  return encodeFrame(event, data, { at, message, isChange });
}
