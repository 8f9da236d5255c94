import { setTimeout as sleep } from "node:timers/promises";
import type { EventStream } from "@confab/http";
import type { LiveEvent } from "@confab/intake";
import type { Logger } from "@confab/runtime";
import { jittered } from "./bell.ts";
import { encodeEvent, encodeReset, eventId, idLine, type Frame } from "./frames.ts";
import type { ChatLookups } from "./chat-lookups.ts";
import { createLiveEvents, type LiveEvents } from "./live-events.ts";
import type { EventPage, EventPages } from "./pages.ts";
import type { FindMovedChats } from "./moved-chats.ts";
import type { Listener } from "./rooms.ts";
import type { FollowedChat, Position, Start } from "./position.ts";

/** The cursor of a stream of many chats: their positions as an event's id. */
export type CursorOf = (
  token: string,
  positions: readonly { readonly chat: number; readonly position: Position }[],
) => string;

export interface FollowerOptions {
  readonly token: string;
  readonly starts: readonly Start[];
  /** Undefined if the stream has one chat, whose position is the id. */
  readonly cursorOf: CursorOf | undefined;
  readonly source: {
    readonly pages: EventPages;
    readonly findMoved: FindMovedChats;
    readonly position: ChatLookups["position"];
  };
  readonly sink: EventStream;
  /** Has a logger, which is created at its first use: most streams log nothing. */
  readonly context: { readonly logger: Logger };
  readonly owner: FollowerOwner;
}

/** Receives what ends a stream. */
export interface FollowerOwner {
  end(event: LiveEvent): void;
  /** The chats of the stream were deleted. */
  vanish(): void;
  /** The chat of the member with this index was deleted, and the stream goes on without it. */
  leave(index: number): void;
  /** An error, perhaps that the client has left. */
  fail(error: unknown): void;
}

const pauseMs = 1_000;

/**
 * Sends the events of chats to one client. Chats that have something to send take turns, one page each. It runs only while there is
 * something to send. A class, like its members: thousands of them wait at the same time, and closures and promises would cost several KB.
 */
export class Follower {
  /** The listeners for the rooms of the chats, in their order. */
  readonly members: readonly Member[];
  readonly #options: FollowerOptions;
  readonly #beganAt = performance.now();
  #live: LiveEvents | undefined;
  #behind: number;
  #nextTurn = 0;
  #isRunning = false;
  #isOver = false;
  #isFailing = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.members = options.starts.map((start) => new Member(this, start));
    this.#behind = this.members.length;
  }

  /** Begins. The rooms must be entered before, so that nothing happens unseen. */
  start(): void {
    this.#isRunning = true;
    void this.#run(this.members.length > 1 ? this.#skipIdle() : undefined);
  }

  /** Sends what is due, unless that is under way. */
  go(): void {
    if (this.#isRunning || this.#isOver) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** Writes nothing more. */
  stop(): void {
    this.#isOver = true;
  }

  add(chat: number, event: LiveEvent): void {
    if (event.type === "end") {
      if (event.reason === "deleted") this.vanish(chat);
      else this.#options.owner.end(event);
      return;
    }
    this.#live ??= createLiveEvents();
    this.#live.add(chat, event);
    this.go();
  }

  /** Goes on without a deleted chat, unless it was the last one. */
  vanish(chat: number): void {
    const { owner, sink, cursorOf } = this.#options;
    const index = this.members.findIndex((member) => member.chat.number === chat && !member.isGone);
    const member = this.members[index];
    if (member === undefined || this.#isOver) return;
    if (cursorOf === undefined || this.members.every((each) => each === member || each.isGone)) {
      owner.vanish();
      return;
    }
    member.isGone = true;
    member.isDue = false;
    if (!member.isCaughtUp) this.#behind -= 1;
    owner.leave(index);
    try {
      sink.write(encodeEvent("gone", { chat_number: chat }, this.#idOf(member)));
    } catch (error) {
      owner.fail(error);
    }
  }

  async #run(before?: Promise<void>): Promise<void> {
    try {
      await before;
      while (await this.#step()) {
        // One page of one chat after the other.
      }
    } catch (error) {
      this.#isRunning = false;
      if (!this.#isOver) this.#options.owner.fail(error);
    }
  }

  /** Sends the next page, or what is not kept. Returns whether there may be more. */
  async #step(): Promise<boolean> {
    if (this.#isOver) return false;
    const member = this.#nextDue();
    const hasTaken = member === undefined || (await this.#turn(member));
    if (!hasTaken || !this.#writeLive()) await this.#options.sink.drained();
    else if (member === undefined) {
      // Not later: what becomes due before the caller goes on would wait for the next signal.
      this.#isRunning = false;
      return false;
    }
    return true;
  }

  #nextDue(): Member | undefined {
    const { length } = this.members;
    for (let step = 0; step < length; step += 1) {
      const at = (this.#nextTurn + step) % length;
      const member = this.members[at]!;
      if (!member.isDue) continue;
      this.#nextTurn = at + 1;
      return member;
    }
    return undefined;
  }

  /** A client that returns has missed nothing in most of many chats. These are not read one by one. */
  async #skipIdle(): Promise<void> {
    const { token, starts, source } = this.#options;
    // Each chat in which something happens from now on is due again.
    for (const member of this.members) member.isDue = false;
    const moved = await source.findMoved(token, starts).catch(() => undefined);
    if (this.#isOver) return;
    for (const member of this.members) {
      if (member.isGone) continue;
      if (moved === undefined || moved.has(member.chat.number)) member.isDue = true;
      else if (!member.isDue) this.#catchUp(member);
    }
  }

  /** Reads and writes the next page of a chat. The page is not kept while the client takes it. */
  async #turn(member: Member): Promise<boolean> {
    const { token, source, sink, context } = this.#options;
    member.isDue = false;
    let page: EventPage;
    try {
      if (member.isDoubtful && !(await this.#checkChanges(member))) {
        member.isDue = true;
        return false;
      }
      // Messages that were accepted before it began come before `caught-up`.
      page = await source.pages.read(token, member.chat, member.at, member.isCaughtUp ? undefined : this.#beganAt);
    } catch (error) {
      if (!this.#isFailing) context.logger.warn({ err: error }, "a stream waits for its stores");
      this.#isFailing = true;
      member.isDue = true;
      await sleep(jittered(pauseMs), undefined, { ref: false });
      return true;
    }
    this.#isFailing = false;
    // No signal will come for what is missing.
    if (!page.isWhole)
      setTimeout(() => {
        member.wake();
      }, jittered(pauseMs)).unref();
    if (this.#isOver || member.isGone) return true;
    if (member.isCaughtUp) return this.#write(member, page);
    // With the event that follows the last page.
    sink.cork();
    let hasTaken = false;
    try {
      hasTaken = this.#write(member, page);
    } finally {
      hasTaken = sink.uncork() && hasTaken;
    }
    return hasTaken;
  }

  /** MySQL may have lost changes that the reader has. Returns whether the client takes more. */
  async #checkChanges(member: Member): Promise<boolean> {
    const position = await this.#options.source.position(member.chat.id);
    member.isDoubtful = false;
    if (position === undefined || position.lastChangeNumber >= member.at.change || this.#isOver) return true;
    member.at = { ...member.at, change: position.lastChangeNumber };
    return this.#options.sink.write(this.#encoded(encodeReset(member.chat.number, member.at), member));
  }

  /** Writes a page, and returns whether the client has taken it. If it has not, the rest is read again later. */
  #write(member: Member, page: EventPage): boolean {
    const areAll = this.#options.cursorOf === undefined && !page.hasChanged && member.sent === undefined;
    if (!(areAll ? this.#writeSegments(member, page) : this.#writeFrames(member, page))) {
      member.isDue = true;
      return false;
    }
    member.at = page.next;
    if (!page.isEnd) {
      member.isDue = true;
      return true;
    }
    member.sent = undefined;
    return member.isCaughtUp || !page.isWhole || this.#catchUp(member);
  }

  /** Writes the events as they are, many at once. */
  #writeSegments(member: Member, { frames, segments, first }: EventPage): boolean {
    for (const { bytes, first: begin, end } of segments) {
      if (end <= first) continue;
      if (!this.#options.sink.hasRoom(bytes.length)) return false;
      let skipped = 0;
      for (let at = begin; at < first; at += 1) skipped += frames[at]!.bytes.length;
      member.at = frames[end - 1]!.at;
      if (!this.#options.sink.write(skipped === 0 ? bytes : bytes.subarray(skipped))) return false;
    }
    return true;
  }

  /** Writes the events one by one: with other ids, or without changes that the client has seen in their messages. */
  #writeFrames(member: Member, { frames, first }: EventPage): boolean {
    for (const frame of frames.slice(first)) {
      const { message, isChange, at, bytes } = frame;
      if (!this.#options.sink.hasRoom(bytes.length)) return false;
      member.at = at;
      if (isChange && message && (member.sent?.get(message.number) ?? 0) >= message.change) continue;
      if (message && !isChange) (member.sent ??= new Map<number, number>()).set(message.number, message.change);
      if (!this.#options.sink.write(this.#encoded(frame, member))) return false;
    }
    return true;
  }

  #encoded({ bytes, idBytes }: Frame, member: Member): Buffer {
    if (this.#options.cursorOf === undefined) return bytes;
    return Buffer.concat([Buffer.from(idLine(this.#idOf(member))), bytes.subarray(idBytes)]);
  }

  #catchUp(member: Member): boolean {
    const { cursorOf, sink } = this.#options;
    member.isCaughtUp = true;
    this.#behind -= 1;
    // In a stream of many chats the id, which is large, comes once they all are.
    const id = cursorOf === undefined || this.#behind === 0 ? this.#idOf(member) : undefined;
    const { number, change } = member.at;
    return sink.write(encodeEvent("caught-up", { chat_number: member.chat.number, number, change }, id));
  }

  #idOf(member: Member): string {
    const { token, cursorOf } = this.#options;
    if (cursorOf === undefined) return eventId(member.at);
    return cursorOf(
      token,
      this.members.filter(({ isGone }) => !isGone).map(({ chat, at }) => ({ chat: chat.number, position: at })),
    );
  }

  /** Writes what happens only now, of chats that have nothing else to send. */
  #writeLive(): boolean {
    if (this.#live === undefined || this.#isOver) return true;
    let hasTaken = true;
    const isReady = (number: number): boolean =>
      !this.members.some(({ chat, isDue }) => isDue && chat.number === number);
    if (!this.#options.sink.hasRoom(0)) return false;
    for (const bytes of this.#live.take(isReady)) hasTaken = this.#options.sink.write(bytes);
    return hasTaken;
  }
}

/** One chat of a stream. */
class Member implements Listener {
  readonly chat: FollowedChat;
  at: Position;
  /** The change numbers of messages that were sent as they are now, before their changes' turn. */
  sent: Map<number, number> | undefined = undefined;
  isDue = true;
  isCaughtUp = false;
  isGone = false;
  /** True if it may have changes that the chat does not have. */
  isDoubtful: boolean;
  readonly #follower: Follower;

  constructor(follower: Follower, { chat, position, hasLostChanges = false }: Start) {
    this.#follower = follower;
    this.isDoubtful = hasLostChanges;
    this.chat = chat;
    this.at = position;
  }

  wake(upTo?: Position): void {
    if (this.isGone) return;
    if (upTo !== undefined) {
      const { number, change, numbering } = this.at;
      if (upTo.change < change) this.isDoubtful = true;
      else if (upTo.number <= number && upTo.change === change && upTo.numbering <= numbering) return;
    }
    this.isDue = true;
    this.#follower.go();
  }

  event(event: LiveEvent): void {
    // Before, the client has yet to read the horizons.
    if (event.type === "end" || this.isCaughtUp) this.#follower.add(this.chat.number, event);
  }

  vanish(): void {
    this.#follower.vanish(this.chat.number);
  }
}
