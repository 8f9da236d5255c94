import type { LiveEvent } from "@confab/pending";
import { encodeLiveEvent } from "./frames.ts";

/** An event that is not kept anywhere, encoded once for all its readers. */
export interface ShownEvent {
  /** The event replaces an earlier one with the same key: of the same reader, or of the same sender and type. */
  readonly key: string;
  readonly chat: number;
  readonly bytes: Buffer;
  /** When it is too old to be shown, by `performance.now()`. */
  readonly until: number;
}

/** Events that wait until they can be shown. */
export interface LiveEvents {
  add(event: ShownEvent): void;
  /** Takes the events of the chats that are ready, without signals that are too old. */
  take(isReady: (chat: number) => boolean): ShownEvent[];
  readonly size: number;
}

/** How long a signal may wait for a client that reads slowly. */
const signalMs = 10_000;
/** Beyond it the oldest event is dropped. */
const maxEvents = 200;

const clock = (): number => performance.now();

/** Encodes an event of a chat. */
export function toShown(chat: number, event: Exclude<LiveEvent, { type: "end" }>, now = clock): ShownEvent {
  const key = JSON.stringify(event.type === "read" ? [chat, event.reader] : [chat, event.sender, event.name]);
  const until = event.type === "read" ? Infinity : now() + signalMs;
  return { key, chat, bytes: encodeLiveEvent(chat, event), until };
}

/** At most 200 events of 1 KiB, so a client that reads slowly does not hold more. */
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
