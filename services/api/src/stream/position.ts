/** A chat that somebody follows. */
export interface FollowedChat {
  readonly id: bigint;
  readonly token: string;
  /** The chat's number in its application. */
  readonly number: number;
}

/** How far a reader has read a chat: its messages up to a number, and its changes up to a change number. */
export interface Position {
  readonly number: number;
  readonly change: number;
  /** The numbering of the chat in which the number was read; 0 if that is not known. */
  readonly numbering: number;
}

/** A chat in a stream, and the position after which it begins. */
export interface Start {
  readonly chat: FollowedChat;
  readonly position: Position;
  /** True if the position has changes that the chat does not have. */
  readonly hasLostChanges?: boolean;
}
