import type { EventStream } from "@confab/http";
import type { Logger } from "@confab/runtime";
import { jittered, type Bell } from "./bell.ts";
import { encodeEvent, eventId, idLine, type Frame, type Position, type Start } from "./frames.ts";
import { createLiveEvents } from "./live-events.ts";
import type { EventPage, EventPages } from "./pages.ts";
import type { FindMovedChats } from "./moved-chats.ts";
import type { Listener } from "./rooms.ts";

/** The cursor of a stream of many chats: their positions as an event's id. */
export type CursorOf = (positions: readonly { readonly chat: number; readonly position: Position }[]) => string;

export interface FollowerOptions {
  token: string;
  starts: readonly Start[];
  /** Undefined if the stream has one chat, whose position is the id. */
  cursorOf: CursorOf | undefined;
  pages: EventPages;
  findMoved: FindMovedChats;
  sink: EventStream;
  bell: Bell;
  /** Created at its first use: most streams log nothing. */
  logger: () => Logger;
}

export interface Follower {
  /** Sends events until the stream is over; rejects with `ClientLeft` if the client has left. */
  run(isOver: () => boolean): Promise<void>;
  /** The listeners for the rooms of the chats, in their order. */
  readonly listeners: readonly Required<Pick<Listener, "wake" | "event">>[];
}

interface Member {
  readonly chat: Start["chat"];
  at: Position;
  /** The change numbers of messages that were sent as they are now, before their changes' turn. */
  readonly sent: Map<number, number>;
  isCaughtUp: boolean;
}

const pauseMs = 1_000;

/** Sends the events of chats to one client. Chats that have something to send take turns, one page each. */
export function createFollower({
  token,
  starts,
  cursorOf,
  pages,
  findMoved,
  sink,
  bell,
  logger,
}: FollowerOptions): Follower {
  const members = starts.map(({ chat, position }): Member => ({
    chat,
    at: position,
    sent: new Map(),
    isCaughtUp: false,
  }));
  // In the order of turns.
  const due = new Set(members);
  const live = createLiveEvents();
  const byNumber = new Map(members.map((member) => [member.chat.number, member]));
  let behind = members.length;
  let isFailing = false;

  const idOf = (member: Member): string =>
    cursorOf === undefined
      ? eventId(member.at)
      : cursorOf(members.map(({ chat, at }) => ({ chat: chat.number, position: at })));
  const encoded = (frame: Frame, member: Member): Buffer =>
    cursorOf === undefined ? frame.bytes : Buffer.concat([Buffer.from(idLine(idOf(member))), frame.nameless]);

  /** Writes a page, and returns whether the client has taken it. If it has not, the rest is read again later. */
  function write(member: Member, { frames, next, isEnd }: EventPage): boolean {
    const { sent } = member;
    for (const frame of frames) {
      const { message, isChange, at } = frame;
      member.at = at;
      if (isChange && message && (sent.get(message.number) ?? 0) >= message.change) continue;
      if (message && !isChange) sent.set(message.number, message.change);
      if (!sink.write(encoded(frame, member))) {
        due.add(member);
        return false;
      }
    }
    member.at = next;
    if (!isEnd) {
      due.add(member);
      return true;
    }
    sent.clear();
    return member.isCaughtUp || catchUp(member);
  }

  function catchUp(member: Member): boolean {
    member.isCaughtUp = true;
    behind -= 1;
    // In a stream of many chats the id, which is large, comes once they all are.
    const id = cursorOf === undefined || behind === 0 ? idOf(member) : undefined;
    return sink.write(encodeEvent("caught-up", { chat_number: member.chat.number, ...member.at }, id));
  }

  /** A client that returns has missed nothing in most of many chats. These are not read one by one. */
  async function skipIdle(): Promise<void> {
    bell.reset();
    // Each chat in which something happens from now on is due again.
    due.clear();
    const moved = await findMoved(token, starts).catch(() => undefined);
    for (const member of members) {
      if (moved === undefined || moved.has(member.chat.number)) due.add(member);
      else if (!due.has(member)) catchUp(member);
    }
  }

  /** Writes what happens only now, of chats that have nothing else to send. */
  function writeLive(): boolean {
    let hasRoom = true;
    const isReady = (number: number): boolean => !due.has(byNumber.get(number)!);
    for (const bytes of live.take(isReady)) hasRoom = sink.write(bytes);
    return hasRoom;
  }

  /** Reads and writes the next page of a chat. The page is not kept while the client takes it. */
  async function turn(member: Member): Promise<boolean> {
    due.delete(member);
    return pages.read(token, member.chat, member.at).then(
      (page) => {
        isFailing = false;
        return write(member, page);
      },
      async (error: unknown) => {
        if (!isFailing) logger().warn({ err: error }, "a stream waits for its stores");
        isFailing = true;
        due.add(member);
        await bell.rung(jittered(pauseMs));
        return true;
      },
    );
  }

  return {
    async run(isOver) {
      if (members.length > 1) await skipIdle();
      while (!isOver()) {
        bell.reset();
        const [member] = due;
        const hasRoom = (member === undefined || (await turn(member))) && !isOver() && writeLive();
        if (!hasRoom && !isOver()) await sink.drained();
        if (member === undefined) await bell.rung();
      }
    },
    listeners: members.map((member) => ({
      wake: () => {
        due.add(member);
        bell.ring();
      },
      event: (event) => {
        // Before, the client has yet to read the horizons.
        if (event.type === "end" || !member.isCaughtUp) return;
        live.add(member.chat.number, event);
        bell.ring();
      },
    })),
  };
}
