import { ProblemError } from "@confab/contracts";
import type { EventStream, RequestContext } from "@confab/http";
import { jittered } from "./wake-signal.ts";
import type { ChatLookups } from "./chat-lookups.ts";
import { Follower, type FollowerOwner } from "./follower.ts";
import { encodeEvent } from "./frames.ts";
import type { StreamPlaces } from "./limits.ts";
import type { FindMovedChats } from "./moved-chats.ts";
import type { EventPages } from "./pages.ts";
import type { Rooms } from "./rooms.ts";
import type { Start } from "./position.ts";

export interface Follow {
  readonly token: string;
  /** The client's address. */
  readonly address: string;
  readonly starts: readonly Start[];
  /** Whether it is the stream of several chats. */
  readonly isOfMany: boolean;
  /** Begins the answer; the function that it is passed is called when the client has left or the answer has ended. */
  readonly start: (onClose: () => void) => EventStream;
  readonly context: Pick<RequestContext, "logger" | "principal">;
}

// The words of this folder: a follower serves one stream, and has a member per chat of it. A room is what all followers of a chat share:
// one subscription and one comparison with MySQL. Rooms wake members whose chat has moved beyond their position; a member then reads
// pages of events through reads that several readers share. A place is what a stream takes of the limits on streams.

/** Why Confab ends a stream. */
export const goodbyeReasons = ["rotation", "shutdown", "deleted", "access-ended", "error"] as const;
export type GoodbyeReason = (typeof goodbyeReasons)[number];

/** Who ends a stream: its client, or one of the reasons to say goodbye. */
export const endReasons = ["client", ...goodbyeReasons] as const;

export interface Streams {
  /** Begins to send events, until the client leaves or the stream ends. Throws a problem if there are too many streams. */
  follow(stream: Follow): void;
  /** How many streams are open. */
  count(): number;
  /** Ends all streams, spread over this time, so that their clients do not come back at once. */
  stop(withinMs: number): Promise<void>;
}

export interface StreamsOptions {
  readonly pages: EventPages;
  readonly findMoved: FindMovedChats;
  readonly lastNumbers: ChatLookups["lastNumbers"];
  readonly rooms: Pick<Rooms, "enter">;
  readonly places: Pick<StreamPlaces, "take">;
  /** Calls `onEnd` when the principal may no longer do anything. */
  readonly watchAccess: (principal: RequestContext["principal"], onEnd: () => void) => () => void;
  /** Called when a stream ends, with the reason. */
  readonly onEnd?: (reason: (typeof endReasons)[number]) => void;
  readonly heartbeatMs?: number;
  /** Maximum age of a stream, give or take a fifth. Its client returns, perhaps to another process. */
  readonly rotationMs?: number;
}

/** Replaces the way out of a room that the stream has left. */
const noRoom = (): void => undefined;
const heartbeat = Buffer.from(":\n\n");
/** How often streams are looked at for a heartbeat or their end. */
const tickMs = 1_000;

/** Creates the live streams of this process. */
export function createStreams(options: StreamsOptions): Streams {
  const { places, onEnd, heartbeatMs = 15_000, rotationMs = 900_000 } = options;
  const open = new Set<OpenStream>();
  let isStopping = false;
  // One timer for all: timers of its own would cost a stream some hundred bytes.
  const ticking = setInterval(() => {
    const now = performance.now();
    for (const stream of open) stream.tick(now, heartbeatMs);
  }, tickMs);
  ticking.unref();

  return {
    count: () => open.size,

    follow(follow) {
      if (isStopping) throw new ProblemError("service-unavailable");
      const { token, address, starts, isOfMany, context } = follow;
      const kind = isOfMany ? "chats" : "chat";
      const user = context.principal?.user?.id;
      const leavePlace = places.take({ kind, token, user, address, chats: starts.length });
      const rotateAt = performance.now() + jittered(rotationMs);
      const stream = new OpenStream(rotateAt, (reason) => {
        open.delete(stream);
        leavePlace();
        onEnd?.(reason);
      });
      open.add(stream);
      stream.open(follow, options);
    },

    async stop(withinMs) {
      isStopping = true;
      const ends = [...open].map(
        (stream) =>
          new Promise<void>((resolve) => {
            stream.endSoon(Math.random() * withinMs, resolve);
          }),
      );
      await Promise.all(ends);
      clearInterval(ticking);
    },
  };
}

/** A class, because thousands are open and closures would cost several times as much. */
class OpenStream implements FollowerOwner {
  readonly #rotateAt: number;
  readonly #onEnd: (reason: (typeof endReasons)[number]) => void;
  #onEnded: (() => void) | undefined;
  #beatAt = 0;
  #goodbye: GoodbyeReason | undefined;
  #isClosed = false;
  #context: Follow["context"] | undefined;
  #sink: EventStream | undefined;
  #follower: Follower | undefined;
  /** Leave the rooms of the chats, and end the watch of the key. */
  #leaving: (() => void)[] = [];

  constructor(rotateAt: number, onEnd: (reason: (typeof endReasons)[number]) => void) {
    this.#rotateAt = rotateAt;
    this.#onEnd = onEnd;
  }

  open(
    { token, starts, isOfMany, start, context }: Follow,
    { pages, findMoved, lastNumbers, rooms, watchAccess }: StreamsOptions,
  ) {
    const sink = start(() => {
      this.#close();
    });
    const source = { pages, findMoved, lastNumbers };
    const user = context.principal?.user?.id;
    const follower = new Follower({ token, user, starts, isOfMany, source, sink, context, owner: this });
    this.#context = context;
    this.#sink = sink;
    this.#follower = follower;
    this.#leaving = follower.members.map((member) => rooms.enter(member.chat, member));
    this.#leaving.push(
      watchAccess(context.principal, () => {
        this.sayGoodbye("access-ended");
      }),
    );
    follower.start();
  }

  end(reason: string): void {
    // A newer version may end streams for a reason that this one does not know.
    this.sayGoodbye(goodbyeReasons.find((known) => known === reason) ?? "error");
  }

  leave(index: number): void {
    this.#leaving[index]?.();
    this.#leaving[index] = noRoom;
  }

  fail(error: unknown): void {
    if (hasLeft(error)) return;
    this.#context?.logger.warn({ err: error }, "a stream ended with an error");
    this.sayGoodbye("error");
  }

  /** Ends the stream with a last event. */
  sayGoodbye(reason: GoodbyeReason): void {
    if (this.#goodbye !== undefined || this.#isClosed) return;
    this.#goodbye = reason;
    this.#leave();
    this.#tryWrite(farewell(reason));
    this.#sink?.end();
  }

  /** Calls `onEnded` when the connection has closed. */
  endSoon(afterMs: number, onEnded: () => void): void {
    this.#onEnded = onEnded;
    setTimeout(() => {
      this.sayGoodbye("shutdown");
    }, afterMs);
  }

  tick(now: number, heartbeatMs: number): void {
    if (now >= this.#rotateAt) this.sayGoodbye("rotation");
    if (this.#beatAt > now || this.#goodbye !== undefined) return;
    // A client with unread events needs no heartbeat, and a heartbeat would restart the timeout for clients that read nothing.
    if (this.#beatAt > 0 && this.#sink?.hasUnread() === false) this.#tryWrite(heartbeat);
    this.#beatAt = now + jittered(heartbeatMs);
  }

  #leave(): void {
    this.#follower?.stop();
    for (const leave of this.#leaving.splice(0)) leave();
  }

  #close(): void {
    this.#isClosed = true;
    this.#leave();
    this.#onEnd(this.#goodbye ?? "client");
    this.#onEnded?.();
  }

  #tryWrite(bytes: Buffer): void {
    try {
      this.#sink?.write(bytes);
    } catch (error) {
      if (!hasLeft(error)) throw error;
    }
  }
}

/** Returns the last event, with a time at which the client may return: another one for each client. */
function farewell(reason: GoodbyeReason): Buffer {
  const retry = Math.round(1_000 + 4_000 * Math.random());
  return Buffer.concat([Buffer.from(`retry: ${retry}\n`), encodeEvent("goodbye", { reason, retry_ms: retry })]);
}

/** Returns whether an error says that the client has left. */
function hasLeft(error: unknown): boolean {
  return error instanceof Error && error.name === "ClientLeft";
}
