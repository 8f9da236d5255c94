import { ProblemError, type MessagesQuery, type PageLinks, type PageQuery } from "@confab/contracts";
import type { Logger } from "@confab/runtime";
import type { ContinueAt } from "./continue-at.ts";
import type { MessagePage, ReadMessages } from "./read-messages.ts";
import type { ChatReference } from "./walk.ts";

export interface ListMessagesOptions {
  readMessages: Pick<ReadMessages, "list">;
  continueAt: ContinueAt;
}

/**
 * A page for a client who continues after a number that it has. Throws the 409 if the messages up to there were lost and their
 * numbers are assigned again. `numbering` is that in which the client has read the number.
 */
export type ListMessages = (
  chat: ChatReference,
  query: MessagesQuery,
  logger: Logger,
) => Promise<Pick<MessagePage, "items" | "link"> & { numbering: number }>;

/** Lists messages for clients, whose next page begins after the numbering in which this one was read. */
export function createListMessages({ readMessages, continueAt }: ListMessagesOptions): ListMessages {
  return async (chat, query, logger) => {
    const { items, link, known } = await readMessages.list(chat.token, chat, query, logger);
    const { after, numbering: given = 0 } = query;
    let numbering = known.head?.numbering ?? 0;
    const isAnchor = after !== undefined && query.before === undefined;
    if (!known.isWhole || (isAnchor && (given !== 0 || after > known.last))) {
      const number = isAnchor ? after : 0;
      // After the rows, whose transactions have recorded their numberings.
      const to = await continueAt(chat, { number, numbering: given }, known);
      if (to.number < number) throw positionReset(number, to.number, known.last);
      ({ numbering } = to);
    }
    return { items, link: withNumbering(link, query, items.at(-1)?.number, numbering), numbering };
  };
}

/** The 409 for a number whose message was lost or never existed. `last` is the chat's last number, `kept` the last safe one. */
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

/** The next page names the numbering. One that waits exists always, because more may come. */
function withNumbering(link: PageLinks, query: MessagesQuery, last: number | undefined, numbering: number): PageLinks {
  const next = link.next ?? (query.wait === undefined ? undefined : { after: last ?? query.after });
  const plain = (page: PageQuery | undefined) => page && { ...page, numbering: undefined };
  return {
    first: plain(link.first),
    prev: plain(link.prev),
    next: next?.after === undefined || numbering === 0 ? plain(next) : { ...next, numbering },
    last: plain(link.last),
  };
}
