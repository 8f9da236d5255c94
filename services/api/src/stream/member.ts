import type { StoredChat } from "@confab/database";
import type { StreamPosition, Start } from "./position.ts";
import type { Listener, Shown } from "./room.ts";

/** The stream that a member belongs to. */
export interface MemberOwner {
  /** Sends what is due, unless that is under way. */
  go(): void;
  show(shown: Shown): void;
  /** The chat was deleted, or its streams end for another reason. */
  leave(member: Member, reason: string): void;
}

/** One chat of a stream. */
export class Member implements Listener {
  readonly chat: StoredChat;
  at: StreamPosition;
  /** The change numbers of messages that were sent as they are now, before their changes' turn. */
  sent: Map<number, number> | undefined = undefined;
  isDue = true;
  isCaughtUp = false;
  isGone = false;
  /** True if it may have changes that the chat does not have. */
  isDoubtful: boolean;
  readonly #owner: MemberOwner;

  constructor(owner: MemberOwner, { chat, position, hasLostChanges = false }: Start) {
    this.#owner = owner;
    this.isDoubtful = hasLostChanges;
    this.chat = chat;
    this.at = position;
  }

  wake(upTo?: StreamPosition): void {
    if (this.isGone) return;
    if (upTo !== undefined) {
      const { number, change, numbering } = this.at;
      if (upTo.change < change) this.isDoubtful = true;
      else if (upTo.number <= number && upTo.change === change && upTo.numbering <= numbering) return;
    }
    this.isDue = true;
    this.#owner.go();
  }

  show(shown: Shown): void {
    // Before, the client has yet to read the horizons.
    if (this.isCaughtUp) this.#owner.show(shown);
  }

  end(reason: string): void {
    this.#owner.leave(this, reason);
  }
}
