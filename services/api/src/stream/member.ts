import type { StoredChat } from "@confab/database";
import type { StreamPosition, Start } from "./position.ts";
import type { Listener, Shown } from "./room.ts";

/** The owner of a member, which acts when something happens in the member's chat. */
export interface MemberOwner {
  /** Sends what is due, unless the owner is already sending. */
  go(): void;
  show(shown: Shown): void;
  /** Handles the end of the chat's streams: the chat was deleted, or there is another reason. */
  leave(member: Member, reason: string): void;
}

/** One chat of a stream, with its position and its state. */
export class Member implements Listener {
  readonly chat: StoredChat;
  at: StreamPosition;
  /**
   * Change numbers of the messages that were sent in their changed state, by message number. The changes up to these
   * numbers are not sent again.
   */
  sent: Map<number, number> | undefined = undefined;
  isDue = true;
  isCaughtUp = false;
  isGone = false;
  /** True if the position may include changes that the chat does not have. */
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
    // A client reads the horizons only after it has caught up, so it needs no earlier events.
    if (this.isCaughtUp) this.#owner.show(shown);
  }

  end(reason: string): void {
    this.#owner.leave(this, reason);
  }
}
