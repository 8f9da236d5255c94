import { applicationSearchPositionSchema, searchPositionSchema } from "@confab/contracts";
import { InvalidCursor } from "./errors.ts";
import type { SearchOrder } from "./search-index.ts";

/** Encoding of positions in cursors. All parts of a cursor are public. */
export interface PositionForm<Position> {
  readonly encode: (position: Position) => string;
  /** Reads a position. Throws `InvalidCursor` unless the text has the form that `encode` writes. */
  readonly decode: (text: string) => Position;
}

/** Form of positions in a chat, which are message numbers. */
export const inChat: PositionForm<number> = {
  encode: (number) => `before-${number}`,
  decode(text) {
    if (!searchPositionSchema.safeParse(text).success) throw invalid();
    return Number(text.slice("before-".length));
  },
};

/** The position of a message in an application. */
export interface Position {
  /** Time of the message, in milliseconds since 1970. */
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

/** The rank and position of a hit in the results. A page that is requested with its cursor begins after the hit. */
export interface Place<Position> {
  /** The rank, as returned by `rankOf`, or 0 if the order is newest first. */
  readonly rank: number;
  readonly position: Position;
}

/**
 * Returns the cursors of an order. In the order by relevance, they begin with the rank, so neither order accepts a
 * cursor of the other.
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
