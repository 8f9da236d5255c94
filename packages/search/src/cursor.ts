import { applicationSearchPositionSchema, searchPositionSchema } from "@confab/contracts";
import { InvalidCursor } from "./errors.ts";
import type { SearchOrder } from "./search-index.ts";

/** How a cursor contains positions. All parts of a cursor are public. */
export interface PositionForm<Position> {
  readonly encode: (position: Position) => string;
  /** Throws `InvalidCursor` unless the text has the form of `encode`. */
  readonly decode: (text: string) => Position;
}

/** The positions in a chat are numbers. */
export const inChat: PositionForm<number> = {
  encode: (number) => `before-${number}`,
  decode(text) {
    if (!searchPositionSchema.safeParse(text).success) throw invalid();
    return Number(text.slice("before-".length));
  },
};

/** The position of a message in an application. */
export interface Position {
  /** In milliseconds since 1970. */
  readonly time: number;
  readonly chatNumber: number;
  readonly number: number;
}

export const inApplication: PositionForm<Position> = {
  encode: ({ time, chatNumber, number }) => `${time.toString(36).padStart(8, "0")}-${chatNumber}-${number}`,
  decode(text) {
    if (!applicationSearchPositionSchema.safeParse(text).success) throw invalid();
    const [time = "", chatNumber, number] = text.split("-");
    return { time: parseInt(time, 36), chatNumber: Number(chatNumber), number: Number(number) };
  },
};

/** Returns a negative number if the message at `a` is older than the one at `b`. */
export function comparePositions(a: Position, b: Position): number {
  return a.time - b.time || a.chatNumber - b.chatNumber || a.number - b.number;
}

/** The place of a message in the results. A cursor continues after it. */
export interface Place<Position> {
  /** As by `rankOf`; 0 for all in the order newest first. */
  readonly rank: number;
  readonly position: Position;
}

/**
 * Returns the cursors of an order. By relevance they begin with the rank, so neither order takes a cursor of the other
 * one.
 */
export function cursorsOf<Position>(
  order: SearchOrder,
  { encode, decode }: PositionForm<Position>,
): PositionForm<Place<Position>> {
  if (order === "newest") {
    return { encode: ({ position }) => encode(position), decode: (text) => ({ rank: 0, position: decode(text) }) };
  }
  return {
    encode: ({ rank, position }) => `${rank}-${encode(position)}`,
    decode(text) {
      const [, rank, position] = /^([0-3])-(.+)$/.exec(text) ?? [];
      if (position === undefined) throw invalid();
      return { rank: Number(rank), position: decode(position) };
    },
  };
}

function invalid(): InvalidCursor {
  return new InvalidCursor("the cursor was not returned by a search");
}
