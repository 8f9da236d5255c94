import { ProblemError } from "@confab/contracts";
import { ClientLeft, type EventStream } from "@confab/http";
import type { LiveEvent } from "@confab/intake";
import type { Logger } from "@confab/runtime";
import { createBell, jittered } from "./bell.ts";
import { createFollower, type CursorOf } from "./follower.ts";
import { encodeEvent, type Start } from "./frames.ts";
import type { StreamPlaces } from "./limits.ts";
import type { FindMovedChats } from "./moved-chats.ts";
import type { EventPages } from "./pages.ts";
import type { Rooms } from "./rooms.ts";

export interface Follow {
  token: string;
  /** The client's. */
  address: string;
  starts: readonly Start[];
  /** Undefined for the stream of one chat. */
  cursorOf?: CursorOf;
  /** Calls `onEnd` when the client may no longer read. */
  watchAccess: (onEnd: () => void) => () => void;
  /** Begins the answer. */
  start: () => EventStream;
  /** Called only if there is something to log. */
  logger: () => Logger;
}

/** Why Confab ends a stream. */
export const goodbyeReasons = ["rotation", "shutdown", "deleted", "access-ended", "error"] as const;
export type GoodbyeReason = (typeof goodbyeReasons)[number];

/** Who ends a stream: its client, or one of the reasons to say goodbye. */
export const endReasons = ["client", ...goodbyeReasons] as const;

export interface Streams {
  /** Sends events until the client leaves or the stream ends; throws a problem if there are too many streams. */
  follow(stream: Follow): Promise<void>;
  /** How many streams are open. */
  count(): number;
  /** Ends all streams, spread over this time, so that their clients do not come back at once. */
  stop(withinMs: number): Promise<void>;
}

export interface StreamsOptions {
  pages: EventPages;
  findMoved: FindMovedChats;
  rooms: Pick<Rooms, "enter">;
  places: Pick<StreamPlaces, "take">;
  /** Called when a stream ends, with the reason. */
  onEnd?: (reason: (typeof endReasons)[number]) => void;
  heartbeatMs?: number;
  /** Maximum age of a stream, give or take a fifth. Its client returns, perhaps to another process. */
  rotationMs?: number;
}

const heartbeat = Buffer.from(":\n\n");

/** The live streams of this process. */
export function createStreams(options: StreamsOptions): Streams {
  const { pages, findMoved, rooms, places, onEnd, heartbeatMs = 15_000, rotationMs = 900_000 } = options;
  const open = new Set<{ sayGoodbye: (reason: GoodbyeReason) => void; closed: Promise<void> }>();
  let isStopping = false;

  return {
    count: () => open.size,

    async follow({ token, address, starts, cursorOf, watchAccess, start, logger }) {
      if (isStopping) throw new ProblemError("service-unavailable");
      const kind = cursorOf === undefined ? "chat" : "chats";
      const leavePlace = places.take({ kind, token, address, chats: starts.length });
      const sink = start();
      const bell = createBell();
      let goodbye: GoodbyeReason | undefined;
      const client = { hasLeft: false };
      const sayGoodbye = (reason: GoodbyeReason): void => {
        goodbye ??= reason;
        bell.ring();
        sink.release();
      };
      const closed = sink.closed.then(() => {
        client.hasLeft = true;
        bell.ring();
      });
      const member = { sayGoodbye, closed };
      open.add(member);
      const follower = createFollower({ token, starts, cursorOf, pages, findMoved, sink, bell, logger });
      const leaving = starts.map(({ chat: { id, number } }, at) => {
        const { wake, event } = follower.listeners[at]!;
        return rooms.enter(
          { id, token, number },
          {
            wake,
            event: (happened) => {
              const reason = endReasonOf(happened);
              if (reason === undefined) event(happened);
              else sayGoodbye(reason);
            },
            vanish: () => {
              sayGoodbye("deleted");
            },
          },
        );
      });
      const tryWrite = (bytes: Buffer): void => {
        try {
          sink.write(bytes);
        } catch (error) {
          if (!(error instanceof ClientLeft)) throw error;
        }
      };
      const beats = setInterval(tryWrite, jittered(heartbeatMs), heartbeat);
      const rotation = setTimeout(sayGoodbye, jittered(rotationMs), "rotation");
      const unwatch = watchAccess(() => {
        sayGoodbye("access-ended");
      });
      try {
        await follower.run(() => client.hasLeft || goodbye !== undefined);
      } catch (error) {
        if (!(error instanceof ClientLeft)) {
          logger().warn({ err: error }, "a stream ended with an error");
          sayGoodbye("error");
        }
      } finally {
        for (const leave of leaving) leave();
        unwatch();
        clearInterval(beats);
        clearTimeout(rotation);
        if (goodbye !== undefined) tryWrite(farewell(goodbye));
        sink.end();
        await closed;
        open.delete(member);
        leavePlace();
        onEnd?.(goodbye ?? "client");
      }
    },

    async stop(withinMs) {
      isStopping = true;
      const members = [...open];
      await Promise.all(
        members.map(async ({ sayGoodbye, closed }) => {
          const timer = setTimeout(sayGoodbye, Math.random() * withinMs, "shutdown");
          await closed;
          clearTimeout(timer);
        }),
      );
    },
  };
}

/** The last event, with a time at which the client may return: another one for each client. */
function farewell(reason: GoodbyeReason): Buffer {
  const retry = Math.round(1_000 + 4_000 * Math.random());
  return Buffer.concat([Buffer.from(`retry: ${retry}\n`), encodeEvent("goodbye", { reason, retry_ms: retry })]);
}

/** A newer version may end streams for a reason that this one does not know. */
function endReasonOf(event: LiveEvent): GoodbyeReason | undefined {
  if (event.type !== "end") return undefined;
  return goodbyeReasons.find((reason) => reason === event.reason) ?? "error";
}
