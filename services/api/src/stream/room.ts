import type { StoredChat } from "@confab/database";
import type { LiveEvent } from "@confab/pending";
import { giveWay } from "@confab/async";
import { createLiveEvents, toShown, type LiveEvents, type ShownEvent } from "./live-events.ts";
import type { StreamPosition } from "./position.ts";

export interface Listener {
  /** The chat may have new messages or changes: up to a position, if that is known. */
  wake(upTo?: StreamPosition): void;
  /** Something happened that is not kept anywhere. */
  show?(shown: Shown): void;
  /** The chat was deleted, or its streams end for another reason. */
  end?(reason: string): void;
}

/** Events that are not kept anywhere, one by one and as bytes. */
export interface Shown {
  readonly events: readonly ShownEvent[];
  readonly bytes: Buffer;
}

/** News that listeners receive together. */
interface News {
  readonly wake: { readonly upTo: StreamPosition | undefined } | undefined;
  readonly shown: Shown | undefined;
  readonly endReason: string | undefined;
}

/** How long signals and read horizons are gathered after the last ones. */
const gatherMs = 20;
/** A room rests after news for a millisecond per 100 listeners, and for at most 50 ms: a small one not at all. */
const [listenersPerMs, maxRestMs] = [100, 50];

/**
 * A chat that is followed. The first news is passed on at once. News that comes while many listeners are being informed, and shortly
 * afterwards, is gathered and passed on together. Between listeners, other work has its turn, and so do other applications. A class,
 * because a process has many of them.
 */
export class Room {
  readonly chat: StoredChat;
  readonly #listeners = new Set<Listener>();
  #wake: News["wake"];
  #endReason: string | undefined;
  #live: LiveEvents | undefined;
  #isInforming = false;
  #wakeFrom = 0;
  #showFrom = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(chat: StoredChat) {
    this.chat = chat;
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  add(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** Returns false if it is not in the room. */
  remove(listener: Listener): boolean {
    return this.#listeners.delete(listener);
  }

  wake(upTo?: StreamPosition): void {
    // Together with news that does not say how far, nobody knows how far.
    this.#wake = { upTo: this.#wake !== undefined && this.#wake.upTo === undefined ? undefined : upTo };
    this.#go();
  }

  show(event: LiveEvent): void {
    if (event.type === "end") {
      this.end(event.reason);
      return;
    }
    this.#live ??= createLiveEvents();
    this.#live.add(toShown(this.chat.number, event));
    this.#go();
  }

  end(reason: string): void {
    this.#endReason = reason;
    this.#go();
  }

  /** Passes on what may be passed on now, unless that is under way, and the rest later. */
  #go(): void {
    if (this.#isInforming) return;
    const now = performance.now();
    const news = this.#take(now);
    if (news !== undefined) {
      void this.#inform(news);
      return;
    }
    const from = Math.min(this.#wake ? this.#wakeFrom : Infinity, this.#live?.size ? this.#showFrom : Infinity);
    clearTimeout(this.#timer);
    if (from === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#go();
    }, from - now).unref();
  }

  #take(now: number): News | undefined {
    const endReason = this.#endReason;
    const wake = now >= this.#wakeFrom ? this.#wake : undefined;
    const events = now >= this.#showFrom ? (this.#live?.take(() => true) ?? []) : [];
    if (endReason === undefined && wake === undefined && events.length === 0) return undefined;
    this.#endReason = undefined;
    if (wake !== undefined) this.#wake = undefined;
    const bytes = events.length === 1 ? events[0]!.bytes : Buffer.concat(events.map((event) => event.bytes));
    return { wake, shown: events.length === 0 ? undefined : { events, bytes }, endReason };
  }

  async #inform({ wake, shown, endReason }: News): Promise<void> {
    this.#isInforming = true;
    // Those who come from now on know already, or are informed next time.
    const listeners = [...this.#listeners];
    for (const listener of listeners) {
      const turn = giveWay(this.chat.token);
      if (turn !== undefined) await turn;
      if (wake !== undefined) listener.wake(wake.upTo);
      if (shown !== undefined) listener.show?.(shown);
      if (endReason !== undefined) listener.end?.(endReason);
    }
    this.#isInforming = false;
    const now = performance.now();
    const restMs = Math.min(maxRestMs, Math.floor(listeners.length / listenersPerMs));
    if (wake !== undefined) this.#wakeFrom = now + restMs;
    if (shown !== undefined) this.#showFrom = now + Math.max(gatherMs, restMs);
    this.#go();
  }
}
