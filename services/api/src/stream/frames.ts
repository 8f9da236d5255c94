import { encodeJson, JsonText } from "@confab/contracts";
import type { LiveEvent } from "@confab/pending";
import type { StreamPosition } from "./position.ts";

/** One encoded event about a chat's messages. */
export interface Frame {
  /** The event with the id that it has in a stream of this chat alone. */
  readonly bytes: Buffer;
  /** Number of bytes at the beginning that contain the line with the id. */
  readonly idBytes: number;
  /** The first message number that the event is about. */
  readonly from: number;
  /** The position to which the event leads. */
  readonly at: StreamPosition;
  /** The number and the change number of the event's message, if the message has a change number. */
  readonly message?: { readonly number: number; readonly change: number } | undefined;
  readonly isChange: boolean;
}

/** Consecutive events in one buffer that is written to many readers at once. */
export interface Segment {
  readonly bytes: Buffer;
  /** Index of the segment's first event in the page. The segment ends before the event with index `end`. */
  readonly first: number;
  readonly end: number;
}

/** Maximum size of a segment with several events. A client that reads slowly keeps whole segments in memory. */
const segmentBytes = 64 * 1024;

/** Returns the id of the event that leads to a position. The id contains no change number or numbering that is 0. */
export function eventId({ number, change, numbering }: StreamPosition): string {
  return `${number}${change === 0 ? "" : `-${change}`}${numbering === 0 ? "" : `.${numbering}`}`;
}

/** Returns the line that contains an event's id. */
export function idLine(id: string): string {
  return `id: ${id}\n`;
}

/** Encodes an event (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export function encodeEvent(event: string, data: unknown, id?: string): Buffer {
  return Buffer.from(`${id === undefined ? "" : idLine(id)}event: ${event}\ndata: ${encodeJson(data)}\n\n`);
}

/** Encodes an event about a chat's messages once for all its readers. */
export function encodeFrame(event: string, data: unknown, frame: Omit<Frame, "bytes" | "idBytes">): Frame {
  const id = eventId(frame.at);
  return { ...frame, bytes: encodeEvent(event, data, id), idBytes: idLine(id).length };
}

/** Encodes the event that leads back to a position, because the numbers or changes above it were lost. */
export function encodeReset(chat: number, at: StreamPosition): Frame {
  const { number, change } = at;
  return encodeFrame("reset", { chat_number: chat, number, change }, { from: number + 1, at, isChange: false });
}

/** Joins events into segments. The returned events share the segments' memory. */
export function joinFrames(frames: readonly Frame[]): { frames: Frame[]; segments: Segment[] } {
  const segments: Segment[] = [];
  const joined: Frame[] = [];
  let first = 0;
  let length = 0;
  for (const [at, frame] of frames.entries()) {
    length += frame.bytes.length;
    const next = frames[at + 1];
    if (next !== undefined && length + next.bytes.length <= segmentBytes) continue;
    const end = at + 1;
    const parts = frames.slice(first, end);
    const bytes = Buffer.concat(
      parts.map((part) => part.bytes),
      length,
    );
    segments.push({ bytes, first, end });
    let begin = 0;
    for (const part of parts) joined.push({ ...part, bytes: bytes.subarray(begin, (begin += part.bytes.length)) });
    first = end;
    length = 0;
  }
  return { frames: joined, segments };
}

/** Encodes an event that is not kept anywhere, and therefore has no id. */
export function encodeLiveEvent(chat: number, event: Exclude<LiveEvent, { type: "end" }>): Buffer {
  if (event.type === "read") {
    return encodeEvent("read", { chat_number: chat, reader: event.reader, number: event.number });
  }
  const { sender, name, data } = event;
  return encodeEvent("signal", {
    chat_number: chat,
    sender,
    type: name,
    data: data === null ? null : new JsonText(data),
  });
}
