import type { Chats, Numberings, StoredChat } from "@confab/database";
import type { ChatHead } from "@confab/pending";

/** The last number that a reader has, and the numbering in which it was read, or 0 if the numbering is unknown. */
export interface ReadUpTo {
  readonly number: number;
  readonly numbering: number;
}

/** The last number of a chat that MySQL or Redis knows, and the chat head. */
export interface KnownNumbers {
  readonly last: number;
  readonly head: ChatHead | undefined;
  /** False if Redis did not answer. In that case, only losses after which a message was stored are known. */
  readonly isWhole: boolean;
}

/**
 * Returns where a reader continues: after the same number, or after a lower one if Redis lost messages up to the
 * reader's number. The lost numbers were or will be assigned again. A number without a numbering is assumed to come
 * from just before the present loss.
 */
export type ContinueAt = (chat: StoredChat, at: ReadUpTo, known: KnownNumbers) => Promise<ReadUpTo>;

export interface ContinueAtOptions {
  readonly numberings: Pick<Numberings, "firstAfter">;
  readonly chats: Pick<Chats, "locate">;
}

/** Creates the function. It derives the lost numbers from the numbers at which the chat's numberings began. */
export function createContinueAt({ numberings, chats }: ContinueAtOptions): ContinueAt {
  return async (chat, at, { last, head, isWhole }) => {
    // Redis may have a pending message with this number.
    if (!isWhole && at.numbering === 0 && at.number > last) return at;
    const current = head?.numbering ?? 0;
    const isCurrent = current !== 0 && (at.numbering === current || at.numbering === 0);
    const stored = isCurrent ? undefined : await numberings.firstAfter(chat.id, at.numbering);
    const numbering = Math.max(at.numbering, current, stored?.numbering ?? 0);
    // A number above the last one was not read in the numbering of the head if that numbering began after a loss.
    const isEarlier = at.numbering === 0 ? at.number > last : current > at.numbering;
    const since = [
      ...(head !== undefined && current !== 0 && isEarlier ? [head.since] : []),
      ...(stored !== undefined && at.numbering !== 0 ? [stored.from] : []),
    ];
    const number = Math.min(at.number, ...since.map((first) => first - 1));
    if (number <= last || !isWhole) return { number, numbering };
    // The last assigned numbers may have no message, so the chat's own last number counts as well. For a chat that is
    // being deleted, nothing counts as lost.
    const located = await chats.locate(chat.token, chat.number);
    return { number: located ? Math.min(number, Math.max(last, located.lastNumber)) : number, numbering };
  };
}
