import type { Message } from "@confab/contracts";
import type { Chat, MessageChanges } from "@confab/database";
import { giveWay } from "@confab/async";
import type { Logger } from "@confab/runtime";
import { encodeFrame, encodeReset, joinFrames, type Frame, type Segment } from "./frames.ts";
import { toMessage, type ReadableMessage } from "../representations.ts";
import type { ContinueAt } from "../reading/continue-at.ts";
import type { ReadMessages } from "../reading/read-messages.ts";
import type { Reader, CoalescedReads } from "./coalesced-reads.ts";
import type { StreamPosition } from "./position.ts";

export interface EventPage {
  readonly frames: readonly Frame[];
  /** The same events as bytes. */
  readonly segments: readonly Segment[];
  /**
   * Index of the first event for this reader. The events before it lead to positions that the reader has already
   * reached.
   */
  readonly first: number;
  /**
   * True if the page has an event with a message that was already changed. Its readers do not receive the change again.
   */
  readonly hasChanged: boolean;
  readonly next: StreamPosition;
  /** False if messages may be missing at the page's end, because Redis was unavailable. */
  readonly isWhole: boolean;
  /** True if the chat had nothing more when the page was read. */
  readonly isEnd: boolean;
}

export interface EventPages {
  /**
   * Reads the events after a position: messages above its number, then changes above its change number, each in its
   * current state. If numbers up to the position were lost, returns the reset instead. Readers at the same position
   * share one read, and so do readers that are slightly ahead.
   */
  read(chat: StreamedChat, position: StreamPosition, reader: Reader): Promise<EventPage>;
}

export interface EventPagesOptions {
  readonly readMessages: Pick<ReadMessages, "readPage">;
  readonly changes: Pick<MessageChanges, "after">;
  readonly continueAt: ContinueAt;
  readonly coalescedReads: Pick<CoalescedReads, "read" | "near">;
  /** Logger that belongs to no request, because readers share a read. */
  readonly logger: Logger;
}

type StreamedChat = Pick<Chat, "id" | "number">;

const messagesAtOnce = 100;

/** Reads pages of events, each page once for all readers at its position. */
export function createEventPages({
  readMessages,
  changes,
  continueAt,
  coalescedReads,
  logger,
}: EventPagesOptions): EventPages {
  async function readPage(
    token: string,
    chat: StreamedChat,
    { number, change, ...before }: StreamPosition,
  ): Promise<EventPage> {
    const reference = { token, number: chat.number, id: chat.id };
    const walk = { from: number + 1, to: Infinity, order: "asc", limit: messagesAtOnce } as const;
    const { items, more, known } = await readMessages.readPage(reference, walk, logger);
    const from = { number, numbering: before.numbering };
    // The numberings are read after the rows. The transactions that stored the rows have then recorded their
    // numberings.
    const to = await continueAt(reference, from, known);
    const { numbering } = to;
    const { isWhole } = known;
    if (to.number < number) {
      const at = { number: to.number, change, numbering };
      return pageOf([encodeReset(chat.number, at)], at, { isWhole, isEnd: false });
    }
    const frames: Frame[] = [];
    let last = number;
    for (const item of items) {
      await giveWay();
      // The numbers in between are in neither store. Their messages are dead letters, or were lost with Redis' data.
      if (item.number > last + 1)
        frames.push(gap(chat.number, last + 1, { number: item.number - 1, change, numbering }));
      last = item.number;
      frames.push(
        frameOf("message", { number: last, change, numbering }, toMessage(token, chat.number, item), item, false),
      );
    }
    if (more) return pageOf(frames, { number: last, change, numbering }, { isWhole, isEnd: false });

    const changed = await changes.after(chat.id, change, messagesAtOnce);
    let lastChange = change;
    for (const item of changed.items) {
      await giveWay();
      lastChange = item.changeNumber ?? lastChange;
      // A message above the last one comes later, in its state at that time.
      if (item.number > last) continue;
      const event = item.deletedAt === null ? "edited" : "deleted";
      const at = { number: last, change: lastChange, numbering };
      frames.push(frameOf(event, at, toMessage(token, chat.number, item), item, true));
    }
    return pageOf(
      frames,
      { number: last, change: lastChange, numbering },
      { isWhole, isEnd: changed.next === undefined },
    );
  }

  return {
    async read(chat, position, reader) {
      const { token } = reader.owner;
      const wanted = {
        chatId: chat.id,
        what: `events ${position.change}.${position.numbering}`,
        after: position.number,
      };
      const near = coalescedReads.near(wanted, messagesAtOnce, reader) as Promise<EventPage> | undefined;
      const part = near && partAfter(await near, position);
      return part ?? coalescedReads.read(wanted, () => readPage(token, chat, position), reader);
    },
  };
}

function pageOf(
  frames: readonly Frame[],
  next: StreamPosition,
  ending: Pick<EventPage, "isWhole" | "isEnd">,
): EventPage {
  const hasChanged = frames.some(({ message, isChange }) => message !== undefined && !isChange);
  return { ...joinFrames(frames), first: 0, hasChanged, next, ...ending };
}

/**
 * Returns the part of a page for a reader whose position has a higher number than the position before the page. Returns
 * undefined if the page does not contain what follows that position.
 */
function partAfter(page: EventPage, { number, numbering }: StreamPosition): EventPage | undefined {
  const { frames, next, isEnd } = page;
  // The reader may have numbers that were lost and assigned again, and that the page's first reader had not reached.
  if (numbering !== 0 && next.numbering !== numbering) return undefined;
  const found = frames.findIndex(({ isChange, at }) => isChange || at.number > number);
  const first = found === -1 ? frames.length : found;
  const frame = frames[first];
  // The page may end before the position, or a gap may begin before the position.
  const follows = frame === undefined || frame.isChange ? next.number === number : frame.from === number + 1;
  if (!follows || (frame === undefined && !isEnd)) return undefined;
  return first === 0 ? page : { ...page, first };
}

function gap(chat: number, from: number, at: StreamPosition): Frame {
  return encodeFrame("gap", { chat_number: chat, from, to: at.number }, { from, at, isChange: false });
}

function frameOf(
  event: "message" | "edited" | "deleted",
  at: StreamPosition,
  data: Message,
  { number, changeNumber }: ReadableMessage,
  isChange: boolean,
): Frame {
  const message = changeNumber === null ? undefined : { number, change: changeNumber };
  return encodeFrame(event, data, { from: number, at, message, isChange });
}
