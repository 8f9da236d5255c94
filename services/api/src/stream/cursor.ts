import { maxChangeNumber, maxNumber, ProblemError } from "@confab/contracts";
import { crc32 } from "node:zlib";
import type { StreamPosition } from "./position.ts";

/** The positions of a stream of many chats. */
export type Positions = readonly { readonly chat: number; readonly position: StreamPosition }[];

const version = 1;
/** The version and the checksum. */
const headBytes = 4;
/** 300 chats with the highest numbers that there are. */
const maxCharacters = 8_500;

/**
 * A cursor: the version, three bytes of a checksum over token and positions, and for each chat, in ascending order, four LEB128
 * integers: the difference to the chat number before, the message number, the change number and the numbering; as base64url. It is
 * kept encoded, because a stream needs it for each of its events, and only one position changes at a time.
 */
export class Cursor {
  readonly #tokenSum: number;
  readonly #chats: Uint32Array;
  /** Where the integers of each chat begin, and where the last ones end. */
  readonly #begins: Uint16Array;
  #bytes: Buffer;

  constructor(token: string, positions: Positions) {
    this.#tokenSum = crc32(token);
    const ascending = positions.toSorted((a, b) => a.chat - b.chat);
    this.#chats = Uint32Array.from(ascending, ({ chat }) => chat);
    this.#begins = new Uint16Array(ascending.length + 1);
    const bytes = Array<number>(headBytes).fill(0);
    for (const [index, { position }] of ascending.entries()) {
      this.#begins[index] = bytes.length;
      this.#write(bytes, index, position);
    }
    this.#begins[ascending.length] = bytes.length;
    this.#bytes = Buffer.from(bytes);
  }

  /** Moves one of its chats to another position. */
  set(chat: number, position: StreamPosition): void {
    const index = this.#chats.indexOf(chat);
    const [begin, end] = [this.#begins[index]!, this.#begins[index + 1]!];
    const integers: number[] = [];
    this.#write(integers, index, position);
    const growth = integers.length - (end - begin);
    if (growth === 0) this.#bytes.set(integers, begin);
    else {
      this.#bytes = Buffer.concat([this.#bytes.subarray(0, begin), Buffer.from(integers), this.#bytes.subarray(end)]);
      for (let later = index + 1; later < this.#begins.length; later += 1) this.#begins[later]! += growth;
    }
  }

  toString(): string {
    this.#bytes.writeUInt32BE(crc32(this.#bytes.subarray(headBytes), this.#tokenSum));
    this.#bytes[0] = version;
    return this.#bytes.toString("base64url");
  }

  #write(bytes: number[], index: number, { number, change, numbering }: StreamPosition): void {
    const difference = this.#chats[index]! - (this.#chats[index - 1] ?? 0);
    for (const value of [difference, number, change, numbering]) writeInteger(bytes, value);
  }
}

/** Returns the positions of a cursor of this application, by chat number. Throws a 422 for anything else. */
export function decodeCursor(token: string, cursor: string, pointer: string): Map<number, StreamPosition> {
  const positions = cursor.length <= maxCharacters ? decode(token, cursor) : undefined;
  if (positions) return positions;
  throw new ProblemError("validation-failed", {
    detail:
      "The position is not one of this stream. Send the id of an event of a stream of several chats of this application as it is, or 0 to begin with the first messages, or none to begin now.",
    errors: [{ pointer, detail: "must be the id of an event of a stream of several chats of this application" }],
  });
}

function decode(token: string, cursor: string): Map<number, StreamPosition> | undefined {
  const bytes = Buffer.from(cursor, "base64url");
  // Node ignores what is not base64url.
  if (bytes.length < headBytes || bytes.toString("base64url") !== cursor) return undefined;
  const body = bytes.subarray(headBytes);
  if (bytes[0] !== version || (crc32(body, crc32(token)) & 0xff_ff_ff) !== bytes.readUIntBE(1, 3)) return undefined;
  const positions = new Map<number, StreamPosition>();
  const reader = { bytes: body, at: 0 };
  let chat = 0;
  while (reader.at < body.length) {
    const difference = readInteger(reader);
    const number = readInteger(reader);
    const change = readInteger(reader, maxChangeNumber);
    const numbering = readInteger(reader);
    if (difference === undefined || difference === 0) return undefined;
    if (number === undefined || change === undefined || numbering === undefined) return undefined;
    chat += difference;
    if (chat > maxNumber) return undefined;
    positions.set(chat, { number, change, numbering });
  }
  return positions.size > 0 ? positions : undefined;
}

function writeInteger(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
}

/** Returns undefined if there is no integer up to the highest number, in its shortest form. */
function readInteger(reader: { bytes: Buffer; at: number }, maximum = maxNumber): number | undefined {
  let value = 0;
  for (let factor = 1; factor <= maximum; factor *= 0x80) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * factor;
    if (byte > 0x7f) continue;
    return value > maximum || (byte === 0 && factor > 1) ? undefined : value;
  }
  return undefined;
}
