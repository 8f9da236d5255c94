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
}

/** A chat in a stream, and the position after which it begins. */
export interface Start {
  readonly chat: FollowedChat;
  readonly position: Position;
}
