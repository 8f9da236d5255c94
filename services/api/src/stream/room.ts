import type { StoredChat } from "@confab/database";
import type { LiveEvent } from "@confab/pending";
import { giveWay } from "@confab/async";
import { createLiveEvents, toShown, type LiveEvents, type ShownEvent } from "./live-events.ts";
import type { StreamPosition } from "./position.ts";

export interface Listener {
  /** Reports that the chat may have new messages or changes, up to a position if it is known. */
  wake(upTo?: StreamPosition): void;
  /** Reports an event that is not kept. */
  show?(shown: Shown): void;
  /** Reports that the chat was deleted, or that its streams end for another reason. */
  end?(reason: string): void;
}

/** Events that are not kept, both one by one and as joined bytes. */
export interface Shown {
  readonly events: readonly ShownEvent[];
  readonly bytes: Buffer;
}

/** News that the room passes on in one round. */
interface News {
  readonly wake: { readonly upTo: StreamPosition | undefined } | undefined;
  readonly shown: Shown | undefined;
  readonly endReason: string | undefined;
}

/** Minimum time in ms between two rounds of signals and read horizons, in which the room gathers them. */
const gatherMs = 20;
/**
 * After news, a room rests for one millisecond per 100 listeners, but for at most 50 ms. A small room does not rest.
 */
const [listenersPerMs, maxRestMs] = [100, 50];

/**
 * A followed chat. It passes on the first news at once. While many listeners are being informed, and shortly
 * afterwards, it gathers further news and passes it on together. Between listeners, it lets other work and other
 * applications have a turn. This is a class, because a process has many of them.
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

  /** Removes a listener. Returns false if the listener was not in the room. */
  remove(listener: Listener): boolean {
    return this.#listeners.delete(listener);
  }

  wake(upTo?: StreamPosition): void {
    // If any gathered news has no position, the position of all of it is unknown.
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

  /** Passes on the news that is due, and the rest later. Does nothing while the room is passing on news. */
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
    // Listeners that enter from now on read the news themselves, or receive it in the next round.
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
