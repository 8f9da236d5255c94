import type { LiveEvent } from "@confab/intake";
import { encodeLiveEvent } from "./frames.ts";

type ShownEvent = Exclude<LiveEvent, { type: "end" }>;

/** Events of one stream that are not kept anywhere, until its client takes them. */
export interface LiveEvents {
  /** Replaces an earlier event of the same reader, or of the same sender and type. */
  add(chat: number, event: ShownEvent): void;
  /** Takes the events of the chats that are ready, without signals that are too old. */
  take(isReady: (chat: number) => boolean): Buffer[];
}

/** How long a signal may wait for a client that reads slowly. */
const signalMs = 10_000;
/** Beyond it the oldest event is dropped. */
const maxEvents = 200;

/** At most 200 events of 1 KiB, so a client that reads slowly does not hold more. */
export function createLiveEvents(now: () => number = () => performance.now()): LiveEvents {
  const events = new Map<string, { chat: number; bytes: Buffer; until: number }>();
  return {
    add(chat, event) {
      const key = keyOf(chat, event);
      events.delete(key);
      const [oldest] = events.keys();
      if (oldest !== undefined && events.size >= maxEvents) events.delete(oldest);
      const until = event.type === "read" ? Infinity : now() + signalMs;
      events.set(key, { chat, bytes: encodeLiveEvent(chat, event), until });
    },
    take(isReady) {
      const taken: Buffer[] = [];
      for (const [key, { chat, bytes, until }] of events) {
        if (!isReady(chat)) continue;
        events.delete(key);
        if (now() < until) taken.push(bytes);
      }
      return taken;
    },
  };
}

function keyOf(chat: number, event: ShownEvent): string {
  return JSON.stringify(event.type === "read" ? [chat, event.reader] : [chat, event.sender, event.name]);
}
