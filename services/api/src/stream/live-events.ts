import type { LiveEvent } from "@confab/pending";
import { encodeLiveEvent } from "./frames.ts";

/** An event that is not kept, encoded once for all its readers. */
export interface ShownEvent {
  /**
   * Key of the event. The event replaces an earlier event with the same key: from the same reader, or from the same
   * sender and with the same type.
   */
  readonly key: string;
  readonly chat: number;
  readonly bytes: Buffer;
  /** Time by `performance.now()` after which the event is too old to be shown. */
  readonly until: number;
}

/** Events that wait until they can be shown to a client. */
export interface LiveEvents {
  add(event: ShownEvent): void;
  /** Returns and removes the events of the chats that are ready. Drops signals that are too old. */
  take(isReady: (chat: number) => boolean): ShownEvent[];
  readonly size: number;
}

/** Time in ms that a signal may wait for a client that reads slowly. */
const signalMs = 10_000;
/** Maximum number of waiting events. Beyond it, the oldest event is dropped. */
const maxEvents = 200;

const clock = (): number => performance.now();

/** Encodes an event of a chat, with its key and its time limit. */
export function toShown(chat: number, event: Exclude<LiveEvent, { type: "end" }>, now = clock): ShownEvent {
  const key = JSON.stringify(event.type === "read" ? [chat, event.reader] : [chat, event.sender, event.name]);
  const until = event.type === "read" ? Infinity : now() + signalMs;
  return { key, chat, bytes: encodeLiveEvent(chat, event), until };
}

/**
 * Creates an empty list. It holds at most 200 events of 1 KiB, which limits the memory for a client that reads slowly.
 */
export function createLiveEvents(now = clock): LiveEvents {
  const events = new Map<string, ShownEvent>();
  return {
    add(event) {
      events.delete(event.key);
      const [oldest] = events.keys();
      if (oldest !== undefined && events.size >= maxEvents) events.delete(oldest);
      events.set(event.key, event);
    },
    take(isReady) {
      const taken: ShownEvent[] = [];
      for (const event of events.values()) {
        if (!isReady(event.chat)) continue;
        events.delete(event.key);
        if (now() < event.until) taken.push(event);
      }
      return taken;
    },
    get size() {
      return events.size;
    },
  };
}
