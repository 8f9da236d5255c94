import { ProblemError } from "@confab/contracts";
import type { Chat } from "@confab/database";
import { ClientLeft, type EventStream } from "@confab/http";
import type { LiveSignals } from "@confab/intake";
import type { Logger } from "@confab/runtime";
import { encodeEvent, eventId, type EventPages, type Position } from "./pages.ts";

export interface Follow {
  token: string;
  chat: Chat;
  position: Position;
  /** Calls `onEnd` when the client may no longer read. */
  watchAccess: (onEnd: () => void) => () => void;
  /** Begins the answer. */
  start: () => EventStream;
  logger: Logger;
}

export type GoodbyeReason = "rotation" | "shutdown" | "access-ended" | "error";

/** Who ends a stream: its client, or one of the reasons to say goodbye. */
export const endReasons = ["client", "rotation", "shutdown", "access-ended", "error"] as const satisfies readonly (
  GoodbyeReason | "client"
)[];

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
  signals: Pick<LiveSignals, "watch">;
  /** Called when a stream ends, with the reason. */
  onEnd?: (reason: (typeof endReasons)[number]) => void;
  maxStreams?: number;
  /** How often a stream looks for events without a signal, because signals can be lost. */
  pollMs?: number;
  heartbeatMs?: number;
  /** Maximum age of a stream, give or take a fifth. Its client returns, perhaps to another process. */
  rotationMs?: number;
}

const heartbeat = Buffer.from(":\n\n");
const pauseMs = 1_000;

/** The live streams of this process. */
export function createStreams(options: StreamsOptions): Streams {
  const { pages, signals, onEnd, maxStreams = 10_000 } = options;
  const { pollMs = 5_000, heartbeatMs = 15_000, rotationMs = 900_000 } = options;
  const open = new Set<{ sayGoodbye: (reason: GoodbyeReason) => void; closed: Promise<void> }>();
  const rooms = new Map<bigint, Room>();
  let isStopping = false;

  /** Rings the bell at each signal of the chat, and from time to time, for all streams of the chat at once. */
  function enter({ token, chat }: Follow, bell: Bell): () => void {
    let room = rooms.get(chat.id);
    if (room === undefined) {
      const bells = new Set<Bell>();
      const ringAll = (): void => {
        for (const each of bells) each.ring();
      };
      const poll = setInterval(ringAll, jittered(pollMs));
      const unwatch = signals.watch({ token, number: chat.number }, () => {
        pages.forget(chat.id);
        ringAll();
      });
      room = {
        bells,
        close: () => {
          clearInterval(poll);
          unwatch();
        },
      };
      rooms.set(chat.id, room);
    }
    const { bells, close } = room;
    bells.add(bell);
    return () => {
      bells.delete(bell);
      if (bells.size > 0) return;
      rooms.delete(chat.id);
      close();
    };
  }

  async function send(
    { token, chat, position, logger }: Follow,
    sink: EventStream,
    bell: Bell,
    isOver: () => boolean,
  ): Promise<void> {
    let at = position;
    // The change numbers of messages that were sent as they are now, before their changes' turn.
    const sent = new Map<number, number>();
    let isCaughtUp = false;
    let isFailing = false;
    while (!isOver()) {
      bell.reset();
      const page = await pages.read(token, chat, at, logger).catch((error: unknown) => {
        if (!isFailing) logger.warn({ err: error }, "a stream waits for its stores");
        return undefined;
      });
      isFailing = page === undefined;
      if (page === undefined) {
        await bell.rung(jittered(pauseMs));
        continue;
      }
      const { frames, next, isEnd } = page;
      for (const { bytes, message, isChange } of frames) {
        if (isOver()) return;
        if (isChange && message && (sent.get(message.number) ?? 0) >= message.change) continue;
        if (message && !isChange) sent.set(message.number, message.change);
        await sink.write(bytes);
      }
      at = next;
      if (!isEnd) continue;
      sent.clear();
      if (!isCaughtUp) await sink.write(encodeEvent("caught-up", next, eventId(next)));
      isCaughtUp = true;
      await bell.rung();
    }
  }

  return {
    count: () => open.size,

    async follow(stream) {
      if (isStopping) throw new ProblemError("service-unavailable");
      if (open.size >= maxStreams) {
        throw new ProblemError("busy", {
          detail: "This process already serves as many streams as it may. Connect again after Retry-After.",
        });
      }
      const { logger } = stream;
      const sink = stream.start();
      const bell = createBell();
      let goodbye: GoodbyeReason | undefined;
      const client = { hasLeft: false };
      const sayGoodbye = (reason: GoodbyeReason): void => {
        goodbye ??= reason;
        bell.ring();
      };
      const closed = sink.closed.then(() => {
        client.hasLeft = true;
        bell.ring();
      });
      const member = { sayGoodbye, closed };
      open.add(member);
      const leave = enter(stream, bell);
      const beats = setInterval(() => void sink.write(heartbeat).catch(() => undefined), jittered(heartbeatMs));
      const rotation = setTimeout(sayGoodbye, jittered(rotationMs), "rotation");
      const unwatch = stream.watchAccess(() => {
        sayGoodbye("access-ended");
      });
      try {
        await send(stream, sink, bell, () => client.hasLeft || goodbye !== undefined);
      } catch (error) {
        if (!(error instanceof ClientLeft)) {
          logger.warn({ err: error }, "a stream ended with an error");
          sayGoodbye("error");
        }
      } finally {
        leave();
        unwatch();
        clearInterval(beats);
        clearTimeout(rotation);
        if (goodbye !== undefined && !client.hasLeft) {
          const retry = Math.round(pauseMs * (1 + 4 * Math.random()));
          const bytes = Buffer.concat([
            Buffer.from(`retry: ${retry}\n`),
            encodeEvent("goodbye", { reason: goodbye, retry_ms: retry }),
          ]);
          void sink.write(bytes).catch(() => undefined);
        }
        sink.end();
        await closed;
        open.delete(member);
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

interface Room {
  readonly bells: Set<Bell>;
  close: () => void;
}

type Bell = ReturnType<typeof createBell>;

/** Wakes one waiting loop; a ring before the wait ends the next wait at once. */
function createBell() {
  let hasRung = false;
  let wake: (() => void) | undefined;
  return {
    reset: () => {
      hasRung = false;
    },
    ring: () => {
      hasRung = true;
      wake?.();
    },
    async rung(withinMs?: number): Promise<void> {
      if (hasRung) return;
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const timer = withinMs === undefined ? undefined : setTimeout(resolve, withinMs, undefined);
      wake = () => {
        resolve(undefined);
      };
      await promise;
      clearTimeout(timer);
      wake = undefined;
    },
  };
}

/** Give or take a fifth, so that streams that began together do not act together for ever. */
function jittered(ms: number): number {
  return ms * (0.8 + 0.4 * Math.random());
}
