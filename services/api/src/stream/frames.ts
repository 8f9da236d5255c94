import type { Chat } from "@confab/database";
import type { LiveEvent } from "@confab/intake";

/** How far a reader has read a chat: its messages up to a number, and its changes up to a change number. */
export interface Position {
  readonly number: number;
  readonly change: number;
}

/** A chat in a stream, and the position after which it begins. */
export interface Start {
  readonly chat: Pick<Chat, "id" | "number">;
  readonly position: Position;
}

/** One event about a chat's messages, encoded. */
export interface Frame {
  /** With the id that it has in the stream of this chat alone. */
  readonly bytes: Buffer;
  /** The same without an id. */
  readonly nameless: Buffer;
  /** The position to which the event leads. */
  readonly at: Position;
  /** The message and its change number, for an event about a message that was changed. */
  readonly message?: { readonly number: number; readonly change: number } | undefined;
  readonly isChange: boolean;
}

/** The id of the event that leads to a position; a chat without changes has only numbers. */
export function eventId({ number, change }: Position): string {
  return change === 0 ? String(number) : `${number}-${change}`;
}

/** The line of an event's id. */
export function idLine(id: string): string {
  return `id: ${id}\n`;
}

/** Encodes an event (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export function encodeEvent(event: string, data: unknown, id?: string): Buffer {
  return Buffer.from(`${id === undefined ? "" : idLine(id)}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** Encodes an event about a chat's messages once for all its readers. */
export function encodeFrame(event: string, data: unknown, frame: Omit<Frame, "bytes" | "nameless">): Frame {
  const id = eventId(frame.at);
  const bytes = encodeEvent(event, data, id);
  return { ...frame, bytes, nameless: bytes.subarray(idLine(id).length) };
}

/** Encodes an event that is not kept anywhere, and so has no id. */
export function encodeLiveEvent(chat: number, event: Exclude<LiveEvent, { type: "end" }>): Buffer {
  if (event.type === "read") {
    return encodeEvent("read", { chat_number: chat, reader: event.reader, number: event.number });
  }
  const { sender, name, data } = event;
  return encodeEvent("signal", { chat_number: chat, sender, type: name, data });
}
