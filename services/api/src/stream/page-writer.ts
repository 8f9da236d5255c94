import type { EventStream } from "@confab/http";
import { Cursor } from "./cursor.ts";
import { encodeEvent, eventId, idLine, type Frame } from "./frames.ts";
import type { Member } from "./member.ts";
import type { EventPage } from "./pages.ts";
import type { StreamPosition } from "./position.ts";

/**
 * Writes events of chats to one client, with the ids of the client's stream: a position in one chat, or a cursor of
 * many. Each method returns whether the client can receive more. This is a class, because a process has thousands of
 * them.
 */
export class PageWriter {
  readonly #sink: EventStream;
  readonly #token: string;
  /**
   * Contains the next id of a stream of several chats; undefined if the stream has one chat, whose position is the id.
   */
  #cursor: Cursor | undefined;

  constructor(sink: EventStream, token: string, manyOf: readonly Member[] | undefined) {
    this.#sink = sink;
    this.#token = token;
    if (manyOf !== undefined) this.remember(manyOf);
  }

  /** Limits the ids to these chats from now on. */
  remember(members: readonly Member[]): void {
    this.#cursor = new Cursor(
      this.#token,
      members.map(({ chat, at }) => ({ chat: chat.number, position: at })),
    );
  }

  /** Writes a page. If the client cannot receive all of it, the rest must be read again later. */
  page(member: Member, page: EventPage): boolean {
    const areAll = this.#cursor === undefined && !page.hasChanged && member.sent === undefined;
    if (!(areAll ? this.#segments(member, page) : this.#frames(member, page))) return false;
    this.#move(member, page.next);
    if (page.isEnd) member.sent = undefined;
    return true;
  }

  /** Writes one event and moves the member to the event's position. */
  frame(member: Member, frame: Frame): boolean {
    this.#move(member, frame.at);
    return this.#sink.write(this.#encoded(frame));
  }

  /** Writes an event without a message. If `hasId` is true, its id is the member's position. */
  event(member: Member, name: string, data: object, hasId: boolean): boolean {
    return this.#sink.write(encodeEvent(name, data, hasId ? this.#idOf(member.at) : undefined));
  }

  /** Writes the events in whole segments, which is possible if no event needs another id or must be left out. */
  #segments(member: Member, { frames, segments, first }: EventPage): boolean {
    for (const { bytes, first: begin, end } of segments) {
      if (end <= first) continue;
      if (!this.#sink.hasRoom(bytes.length)) return false;
      let skipped = 0;
      for (let at = begin; at < first; at += 1) skipped += frames[at]!.bytes.length;
      member.at = frames[end - 1]!.at;
      if (!this.#sink.write(skipped === 0 ? bytes : bytes.subarray(skipped))) return false;
    }
    return true;
  }

  /**
   * Writes the events one by one, if they need other ids or if the client may already have received changes as parts of
   * their messages.
   */
  #frames(member: Member, { frames, first }: EventPage): boolean {
    for (const frame of frames.slice(first)) {
      const { message, isChange, bytes } = frame;
      if (!this.#sink.hasRoom(bytes.length)) return false;
      if (isChange && message && (member.sent?.get(message.number) ?? 0) >= message.change) {
        this.#move(member, frame.at);
        continue;
      }
      if (message && !isChange) (member.sent ??= new Map<number, number>()).set(message.number, message.change);
      if (!this.frame(member, frame)) return false;
    }
    return true;
  }

  #move(member: Member, at: StreamPosition): void {
    if (at === member.at) return;
    member.at = at;
    this.#cursor?.set(member.chat.number, at);
  }

  #encoded({ bytes, idBytes, at }: Frame): Buffer {
    if (this.#cursor === undefined) return bytes;
    return Buffer.concat([Buffer.from(idLine(this.#idOf(at))), bytes.subarray(idBytes)]);
  }

  #idOf(at: StreamPosition): string {
    return this.#cursor === undefined ? eventId(at) : String(this.#cursor);
  }
}
