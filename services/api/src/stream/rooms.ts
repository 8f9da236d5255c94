import type { ChatPosition, Chats } from "@confab/database";
import type { LiveEvent, LiveSignals } from "@confab/intake";
import { jittered } from "./bell.ts";
import type { SharedReads } from "./shared-reads.ts";
import type { FollowedChat, Position } from "./position.ts";

export interface Listener {
  /** The chat may have new messages or changes: up to a position, if that is known. */
  wake(upTo?: Position): void;
  /** Something happened that is not kept anywhere. */
  event?(event: LiveEvent): void;
  /** The chat no longer exists. */
  vanish?(): void;
}

export interface Rooms {
  /** Informs the listener until the returned function is called. */
  enter(chat: FollowedChat, listener: Listener): () => void;
  stop(): void;
}

export interface RoomsOptions {
  signals: Pick<LiveSignals, "watch">;
  reads: Pick<SharedReads, "forget">;
  chats: Pick<Chats, "positions">;
  /** How often the database is asked for chats that moved without a signal, because signals can be lost. */
  lookMs?: number;
}

interface Room {
  readonly chat: FollowedChat;
  readonly listeners: Set<Listener>;
  /** The chat's last numbers at the last look. */
  seen: string | undefined;
  wake: (upTo?: Position) => void;
  close: () => void;
}

const chatsPerLook = 500;

/**
 * The chats that this process follows, each once. Lost signals are found by one query per 500 chats and look, so readers of a chat in
 * which nothing happens cost nothing.
 */
export function createRooms({ signals, reads, chats, lookMs = 5_000 }: RoomsOptions): Rooms {
  const rooms = new Map<bigint, Room>();
  let isLooking = false;

  function open(chat: FollowedChat): Room {
    const listeners = new Set<Listener>();
    const wake = (upTo?: Position): void => {
      reads.forget(chat.id);
      for (const listener of listeners) listener.wake(upTo);
    };
    // Until now, no signal has ended the reads of this chat.
    reads.forget(chat.id);
    const close = signals.watch(chat, (event) => {
      if (event === undefined) wake();
      else for (const listener of listeners) listener.event?.(event);
    });
    return { chat, listeners, seen: undefined, wake, close };
  }

  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    try {
      const ids = [...rooms.keys()];
      for (let at = 0; at < ids.length; at += chatsPerLook) {
        const some = ids.slice(at, at + chatsPerLook);
        const found = await chats.positions(some);
        for (const id of some) compare(rooms.get(id), found.get(id));
      }
    } catch {
      // The next look asks again; readers that have something to read report the outage.
    } finally {
      isLooking = false;
    }
  }

  function compare(room: Room | undefined, position: ChatPosition | undefined) {
    if (room === undefined) return;
    if (position === undefined) {
      for (const listener of room.listeners) listener.vanish?.();
      return;
    }
    const { lastMessageNumber: number, lastChangeNumber: change, lastNumbering: numbering } = position;
    const seen = `${number}-${change}.${numbering}`;
    if (seen === room.seen) return;
    room.seen = seen;
    room.wake({ number, change, numbering });
  }

  const looking = setInterval(() => void look(), jittered(lookMs));
  looking.unref();

  return {
    enter(chat, listener) {
      const room = rooms.get(chat.id) ?? open(chat);
      rooms.set(chat.id, room);
      room.listeners.add(listener);
      return () => {
        if (!room.listeners.delete(listener) || room.listeners.size > 0) return;
        rooms.delete(chat.id);
        room.close();
      };
    },
    stop() {
      clearInterval(looking);
    },
  };
}
