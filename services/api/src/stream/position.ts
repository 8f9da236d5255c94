import type { StoredChat } from "@confab/database";

/** How far a reader has read a chat: its messages up to a number, and its changes up to a change number. */
export interface StreamPosition {
  readonly number: number;
  readonly change: number;
  /** The numbering of the chat in which the number was read, or 0 if the numbering is unknown. */
  readonly numbering: number;
}

/** A chat in a stream, and the position after which it begins. */
export interface Start {
  readonly chat: StoredChat;
  readonly position: StreamPosition;
  /** True if the position includes changes that the chat does not have. */
  readonly hasLostChanges?: boolean;
}
