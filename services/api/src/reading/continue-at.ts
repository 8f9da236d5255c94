import type { Chats, Numberings, StoredChat } from "@confab/database";
import type { ChatHead } from "@confab/pending";

/** The last number that a reader has, and the numbering in which it was read; 0 if that is not known. */
export interface ReadUpTo {
  readonly number: number;
  readonly numbering: number;
}

/** The numbers of a chat: the last one that MySQL or Redis knows, and the chat head. */
export interface KnownNumbers {
  readonly last: number;
  readonly head: ChatHead | undefined;
  /** False if Redis did not answer. Then only losses after which something was stored are known. */
  readonly isWhole: boolean;
}

/**
 * Where a reader continues: after the same number, or after a lower one if Redis lost messages up to there, whose numbers were or will
 * be assigned again. A number without its numbering is taken for one of the latest before the present loss.
 */
export type ContinueAt = (chat: StoredChat, at: ReadUpTo, known: KnownNumbers) => Promise<ReadUpTo>;

export interface ContinueAtOptions {
  readonly numberings: Pick<Numberings, "firstAfter">;
  readonly chats: Pick<Chats, "locate">;
}

/** Finds lost numbers by where the numberings of a chat began. */
export function createContinueAt({ numberings, chats }: ContinueAtOptions): ContinueAt {
  return async (chat, at, { last, head, isWhole }) => {
    // Redis may have such a number as pending.
    if (!isWhole && at.numbering === 0 && at.number > last) return at;
    const current = head?.numbering ?? 0;
    const isCurrent = current !== 0 && (at.numbering === current || at.numbering === 0);
    const stored = isCurrent ? undefined : await numberings.firstAfter(chat.id, at.numbering);
    const numbering = Math.max(at.numbering, current, stored?.numbering ?? 0);
    // A number above the last one was not read in the numbering of the head if that began after a loss.
    const isEarlier = at.numbering === 0 ? at.number > last : current > at.numbering;
    const since = [
      ...(head !== undefined && current !== 0 && isEarlier ? [head.since] : []),
      ...(stored !== undefined && at.numbering !== 0 ? [stored.from] : []),
    ];
    const number = Math.min(at.number, ...since.map((first) => first - 1));
    if (number <= last || !isWhole) return { number, numbering };
    // The last numbers may have no message. A chat that is being deleted loses nothing.
    const located = await chats.locate(chat.token, chat.number);
    return { number: located ? Math.min(number, Math.max(last, located.lastNumber)) : number, numbering };
  };
}
