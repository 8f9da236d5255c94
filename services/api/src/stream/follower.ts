import { setTimeout as sleep } from "node:timers/promises";
import type { EventStream } from "@confab/http";
import { giveWay } from "@confab/async";
import type { Logger } from "@confab/runtime";
import { jittered } from "./wake-signal.ts";
import type { ChatLookups } from "./chat-lookups.ts";
import { encodeReset } from "./frames.ts";
import { createLiveEvents, type LiveEvents } from "./live-events.ts";
import { Member, type MemberOwner } from "./member.ts";
import type { FindMovedChats } from "./moved-chats.ts";
import { PageWriter } from "./page-writer.ts";
import type { EventPage, EventPages } from "./pages.ts";
import type { Start } from "./position.ts";
import type { Shown } from "./room.ts";
import { ReadUnwanted } from "./coalesced-reads.ts";

export interface FollowerOptions {
  readonly token: string;
  /** The user of the client's user token, if it has one. */
  readonly user: string | undefined;
  readonly starts: readonly Start[];
  /** Whether it is a stream of several chats, whose ids are cursors. */
  readonly isOfMany: boolean;
  readonly source: {
    readonly pages: EventPages;
    readonly findMoved: FindMovedChats;
    readonly lastNumbers: ChatLookups["lastNumbers"];
  };
  readonly sink: EventStream;
  /** Has a logger, which is created at its first use: most streams log nothing. */
  readonly context: { readonly logger: Logger };
  readonly owner: FollowerOwner;
}

/** Receives what ends a stream. */
export interface FollowerOwner {
  end(reason: string): void;
  /** The chat of the member with this index was deleted, and the stream continues without it. */
  leave(index: number): void;
  /** An error, perhaps that the client has left. */
  fail(error: unknown): void;
}

const pauseMs = 1_000;

/**
 * Sends the events of chats to one client. Chats that have something to send take turns, one page each. It runs only while there is
 * something to send. A class, like its members: thousands of them wait at the same time, and closures and promises would cost several KB.
 */
export class Follower implements MemberOwner {
  /** The listeners for the rooms of the chats, in their order. */
  readonly members: readonly Member[];
  readonly #options: FollowerOptions;
  readonly #writer: PageWriter;
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
    this.#writer = new PageWriter(options.sink, options.token, options.isOfMany ? this.members : undefined);
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

  /** Writes what is not kept anywhere, after everything that is due. */
  show({ events, bytes }: Shown): void {
    if (this.#isOver) return;
    if (!this.#isRunning && this.#options.sink.hasRoom(bytes.length)) {
      this.#write(() => this.#options.sink.write(bytes));
      return;
    }
    this.#live ??= createLiveEvents();
    for (const event of events) this.#live.add(event);
    this.go();
  }

  /** Continues without a deleted chat, unless it was the last one; otherwise ends. */
  leave(member: Member, reason: string): void {
    if (this.#isOver || member.isGone) return;
    const { owner, isOfMany } = this.#options;
    const others = this.members.filter((each) => each !== member && !each.isGone);
    if (reason !== "deleted" || !isOfMany || others.length === 0) {
      owner.end(reason);
      return;
    }
    member.isGone = true;
    member.isDue = false;
    if (!member.isCaughtUp) this.#behind -= 1;
    owner.leave(this.members.indexOf(member));
    this.#writer.remember(others);
    this.#write(() => this.#writer.event(member, "gone", { chat_number: member.chat.number }, true));
  }

  /** Writes outside the turns, and waits for the client before the next turn. */
  #write(write: () => boolean): void {
    try {
      if (write() || this.#isRunning) return;
      this.#isRunning = true;
      void this.#run(this.#options.sink.drained());
    } catch (error) {
      this.#options.owner.fail(error);
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
      // Not later: what becomes due before the caller continues would wait for the next signal.
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
    const { token, starts, source, sink } = this.#options;
    // Each chat in which something happens from now on is due again.
    for (const member of this.members) member.isDue = false;
    const moved = await source.findMoved(token, starts).catch(() => undefined);
    if (this.#isOver) return;
    sink.cork();
    for (const member of this.members) {
      if (member.isGone) continue;
      if (moved === undefined || moved.has(member.chat.number)) member.isDue = true;
      else if (!member.isDue) this.#catchUp(member);
    }
    sink.uncork();
  }

  /** Reads and writes the next page of a chat. The page is not kept while the client takes it. */
  async #turn(member: Member): Promise<boolean> {
    const { token, user, source, sink, context } = this.#options;
    member.isDue = false;
    let page: EventPage;
    try {
      if (member.isDoubtful && !(await this.#checkChanges(member))) {
        member.isDue = true;
        return false;
      }
      // Messages that were accepted before it began come before `caught-up`.
      const notBefore = member.isCaughtUp ? undefined : this.#beganAt;
      const reader = { owner: { token, user }, notBefore, isWanted: () => !this.#isOver };
      page = await source.pages.read(member.chat, member.at, reader);
    } catch (error) {
      if (this.#isOver) return false;
      if (!this.#isFailing && !(error instanceof ReadUnwanted))
        context.logger.warn({ err: error }, "a stream waits for its stores");
      this.#isFailing = true;
      member.isDue = true;
      await sleep(jittered(pauseMs), undefined, { ref: false });
      return true;
    }
    this.#isFailing = false;
    // Thousands of readers may have waited for this page.
    const turn = giveWay(token);
    if (turn !== undefined) await turn;
    // No signal will come for what is missing.
    if (!page.isWhole)
      setTimeout(() => {
        member.wake();
      }, jittered(pauseMs)).unref();
    if (this.#isOver || member.isGone) return true;
    if (member.isCaughtUp) return this.#writePage(member, page);
    // With the event that follows the last page.
    sink.cork();
    let hasTaken = false;
    try {
      hasTaken = this.#writePage(member, page);
    } finally {
      hasTaken = sink.uncork() && hasTaken;
    }
    return hasTaken;
  }

  /** MySQL may have lost changes that the reader has. Returns whether the client takes more. */
  async #checkChanges(member: Member): Promise<boolean> {
    const last = await this.#options.source.lastNumbers(member.chat.id);
    member.isDoubtful = false;
    if (this.#isOver || member.isGone) return true;
    if (last === undefined || last.lastChangeNumber >= member.at.change) return true;
    return this.#writer.frame(member, encodeReset(member.chat.number, { ...member.at, change: last.lastChangeNumber }));
  }

  /** Writes a page, and returns whether the client has taken it. If it has not, the rest is read again later. */
  #writePage(member: Member, page: EventPage): boolean {
    const hasTaken = this.#writer.page(member, page);
    if (!hasTaken || !page.isEnd) {
      member.isDue = true;
      return hasTaken;
    }
    return member.isCaughtUp || !page.isWhole || this.#catchUp(member);
  }

  #catchUp(member: Member): boolean {
    member.isCaughtUp = true;
    this.#behind -= 1;
    const { number, change } = member.at;
    // In a stream of many chats the id, which is large, comes once they all are.
    const hasId = !this.#options.isOfMany || this.#behind === 0;
    return this.#writer.event(member, "caught-up", { chat_number: member.chat.number, number, change }, hasId);
  }

  /** Writes what happens only now, of chats that have nothing else to send. */
  #writeLive(): boolean {
    if (this.#live === undefined || this.#isOver) return true;
    let hasTaken = true;
    const isReady = (number: number): boolean =>
      !this.members.some(({ chat, isDue }) => isDue && chat.number === number);
    if (!this.#options.sink.hasRoom(0)) return false;
    for (const { bytes } of this.#live.take(isReady)) hasTaken = this.#options.sink.write(bytes);
    return hasTaken;
  }
}
