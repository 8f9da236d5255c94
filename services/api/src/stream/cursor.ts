import { maxNumber, ProblemError } from "@confab/contracts";
import { crc32 } from "node:zlib";
import type { Position } from "./position.ts";

/** The positions of a stream of many chats. */
export type Positions = readonly { readonly chat: number; readonly position: Position }[];

const version = 1;
/** The version and the checksum. */
const headBytes = 4;
/** 300 chats with the highest numbers that there are. */
const maxCharacters = 7_300;

/**
 * A cursor: the version, three bytes of a checksum over token and positions, and for each chat, in ascending order, four LEB128
 * integers: the difference to the chat number before, the message number, the change number and the numbering; as base64url.
 */
export function encodeCursor(token: string, positions: Positions): string {
  const bytes: number[] = [];
  let before = 0;
  for (const { chat, position } of positions.toSorted((a, b) => a.chat - b.chat)) {
    const { number, change, numbering } = position;
    for (const value of [chat - before, number, change, numbering]) writeInteger(bytes, value);
    before = chat;
  }
  return Buffer.concat([head(token, Buffer.from(bytes)), Buffer.from(bytes)]).toString("base64url");
}

/** The positions of a cursor of this application, by chat number. Throws a 422 for anything else. */
export function decodeCursor(token: string, cursor: string, pointer: string): Map<number, Position> {
  const positions = cursor.length <= maxCharacters ? decode(token, cursor) : undefined;
  if (positions) return positions;
  throw new ProblemError("validation-failed", {
    detail:
      "The position is not one of this stream. Send the id of an event of a stream of several chats of this application as it is, or 0 to begin with the first messages, or none to begin now.",
    errors: [{ pointer, detail: "must be the id of an event of a stream of several chats of this application" }],
  });
}

function decode(token: string, cursor: string): Map<number, Position> | undefined {
  const bytes = Buffer.from(cursor, "base64url");
  // Node ignores what is not base64url.
  if (bytes.length < headBytes || bytes.toString("base64url") !== cursor) return undefined;
  const body = bytes.subarray(headBytes);
  if (!head(token, body).equals(bytes.subarray(0, headBytes))) return undefined;
  const positions = new Map<number, Position>();
  const reader = { bytes: body, at: 0 };
  let chat = 0;
  while (reader.at < body.length) {
    const difference = readInteger(reader);
    const [number, change, numbering] = [readInteger(reader), readInteger(reader), readInteger(reader)];
    if (difference === undefined || difference === 0) return undefined;
    if (number === undefined || change === undefined || numbering === undefined) return undefined;
    chat += difference;
    if (chat > maxNumber) return undefined;
    positions.set(chat, { number, change, numbering });
  }
  return positions.size > 0 ? positions : undefined;
}

function head(token: string, body: Buffer): Buffer {
  const bytes = Buffer.alloc(headBytes);
  bytes.writeUInt32BE(crc32(body, crc32(token)));
  bytes[0] = version;
  return bytes;
}

function writeInteger(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
}

/** Undefined if there is no integer up to the highest number, in its shortest form. */
function readInteger(reader: { bytes: Buffer; at: number }): number | undefined {
  let value = 0;
  for (let factor = 1; factor <= 0x80 ** 4; factor *= 0x80) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * factor;
    if (byte > 0x7f) continue;
    return value > maxNumber || (byte === 0 && factor > 1) ? undefined : value;
  }
  return undefined;
}
