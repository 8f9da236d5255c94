import type { StoredChat } from "@confab/database";
import { ProblemError } from "@confab/contracts";
import type { Logger } from "@confab/runtime";
import type { ContinueAt, ReadUpTo } from "./continue-at.ts";
import type { MessagePage, ReadMessages } from "./read-messages.ts";
import type { Around, Walk } from "./walk.ts";

export interface ListMessagesOptions {
  readonly readMessages: Pick<ReadMessages, "readPage">;
  readonly continueAt: ContinueAt;
}

/**
 * Returns a page of a chat, and the numbering in which it was read. Throws the 409 if the client continues after an
 * anchor whose message was lost or never existed.
 */
export type ListMessages = (
  chat: StoredChat,
  place: Walk | Around,
  anchor: ReadUpTo | undefined,
  logger: Logger,
) => Promise<MessagePage & { numbering: number }>;

/** Lists messages for clients, and detects lost positions. */
export function createListMessages({ readMessages, continueAt }: ListMessagesOptions): ListMessages {
  return async (chat, place, anchor, logger) => {
    const page = await readMessages.readPage(chat, place, logger);
    const { known } = page;
    if (known.isWhole && (anchor === undefined || (anchor.numbering === 0 && anchor.number <= known.last)))
      return { ...page, numbering: known.head?.numbering ?? 0 };
    const from = anchor ?? { number: 0, numbering: 0 };
    // The numberings are read after the rows. The transactions that stored the rows have then recorded their
    // numberings.
    const to = await continueAt(chat, from, known);
    if (to.number < from.number) throw positionReset(from.number, to.number, known.last);
    return { ...page, numbering: to.numbering };
  };
}

/**
 * Returns the 409 for a number whose message was lost or never existed. `last` is the chat's last number, `kept` the
 * last number that was not lost.
 */
export function positionReset(number: number, kept: number, last: number): ProblemError {
  const detail =
    number > last
      ? `The chat has no message ${number}: its last number is ${last}. If the chat gave you the number, that message was lost before it was stored: drop what you have above ${kept} and continue there. Otherwise use a number of the chat.`
      : `The chat assigned the number ${number} again because messages were lost before they were stored. Drop what you have above ${kept} and continue there.`;
  return new ProblemError("position-reset", {
    detail,
    members: { last_number: kept, last_message_number: last },
  });
}
