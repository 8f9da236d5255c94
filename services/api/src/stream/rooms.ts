import type { LastNumbers, Chats, StoredChat } from "@confab/database";
import type { LiveSignals } from "@confab/pending";
import { jittered } from "./wake-signal.ts";
import type { CoalescedReads } from "./coalesced-reads.ts";
import { Room, type Listener } from "./room.ts";
import type { StreamPosition } from "./position.ts";

export interface Rooms {
  /** Informs the listener until the returned function is called. */
  enter(chat: StoredChat, listener: Listener): () => void;
  stop(): void;
}

export interface RoomsOptions {
  readonly signals: Pick<LiveSignals, "watch">;
  readonly coalescedReads: Pick<CoalescedReads, "forget">;
  readonly chats: Pick<Chats, "lastNumbers">;
  /** How often the database is asked for chats that moved without a signal, because signals can be lost. */
  readonly lookMs?: number;
}

interface Followed {
  readonly room: Room;
  /** The chat's last numbers at the last look. */
  seen: string | undefined;
  readonly close: () => void;
}

const chatsPerLook = 500;

/**
 * Creates the rooms: the chats that this process follows, each once. Lost signals are found by one query per 500 chats
 * and look, so readers of a chat in which nothing happens cost nothing.
 */
export function createRooms({ signals, coalescedReads, chats, lookMs = 5_000 }: RoomsOptions): Rooms {
  const followed = new Map<bigint, Followed>();
  let isLooking = false;

  function open(chat: StoredChat): Followed {
    const room = new Room(chat);
    // Until now, no signal has ended the reads of this chat.
    coalescedReads.forget(chat.id);
    const close = signals.watch(chat, (event) => {
      if (event === undefined) wake(room);
      else room.show(event);
    });
    return { room, seen: undefined, close };
  }

  function wake(room: Room, upTo?: StreamPosition): void {
    coalescedReads.forget(room.chat.id);
    room.wake(upTo);
  }

  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    try {
      const ids = [...followed.keys()];
      for (let at = 0; at < ids.length; at += chatsPerLook) {
        const some = ids.slice(at, at + chatsPerLook);
        const found = await chats.lastNumbers(some);
        for (const id of some) compare(followed.get(id), found.get(id));
      }
    } catch {
      // The next look asks again; readers that have something to read report the outage.
    } finally {
      isLooking = false;
    }
  }

  function compare(chat: Followed | undefined, position: LastNumbers | undefined) {
    if (chat === undefined) return;
    if (position === undefined) {
      chat.room.end("deleted");
      return;
    }
    const { lastMessageNumber: number, lastChangeNumber: change, lastNumbering: numbering } = position;
    const seen = `${number}-${change}.${numbering}`;
    if (seen === chat.seen) return;
    chat.seen = seen;
    wake(chat.room, { number, change, numbering });
  }

  const looking = setInterval(() => void look(), jittered(lookMs));
  looking.unref();

  return {
    enter(chat, listener) {
      const entered = followed.get(chat.id) ?? open(chat);
      followed.set(chat.id, entered);
      const { room, close } = entered;
      room.add(listener);
      return () => {
        if (!room.remove(listener) || !room.isEmpty) return;
        followed.delete(chat.id);
        close();
      };
    },
    stop() {
      clearInterval(looking);
    },
  };
}
