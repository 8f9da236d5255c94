import { ProblemError } from "@confab/contracts";
import type { Owner } from "@confab/http";
import { createFairShare } from "@confab/async";
import { nameOf } from "../fair-shares.ts";

/** A read of a chat after a number. Readers that want the same read share it. */
export interface SharedRead {
  readonly chatId: bigint;
  readonly what: string;
  readonly after: number;
}

/** Who wants a read, and how recent it must be. */
export interface Reader {
  readonly owner: Owner;
  /**
   * Time by `performance.now()`. The reader must see everything that happened before it, so it joins no read that began
   * earlier.
   */
  readonly notBefore?: number | undefined;
  /** Returns whether the reader still wants the result. If no reader wants a page, it is not read. */
  readonly isWanted?: () => boolean;
}

/** Reports that no reader wanted the read any more when its turn came. */
export class ReadUnwanted extends Error {
  override readonly name = "ReadUnwanted";
}

/** Combines reads of a chat so that several readers share each one. */
export interface CoalescedReads {
  /**
   * Begins a read, or joins an identical one that is running or has just ended. A reader that reads after each notice
   * of a change therefore misses nothing. Applications take turns to read, and so do the users of an application.
   * Rejects with `ReadUnwanted` if no reader wants the read when its turn comes.
   */
  read<T>(wanted: SharedRead, read: () => Promise<T>, reader: Reader): Promise<T>;
  /**
   * Joins the nearest read of the same kind that begins after a lower number, if the difference is less than `within`.
   */
  near(wanted: SharedRead, within: number, reader: Reader): Promise<unknown> | undefined;
  /** Prevents new readers from joining the chat's reads that have already begun. */
  forget(chatId: bigint): void;
}

export interface CoalescedReadsOptions {
  /** Time in ms that a result is kept, for clients that reconnect one after another. */
  readonly keepMs?: number;
  /** Maximum number of results to keep. Each is at most a page of messages. */
  readonly keep?: number;
  /**
   * Maximum number of simultaneous reads. Other reads wait here, so that they do not spend their timeout in the queue
   * of the database.
   */
  readonly atOnce?: number;
  /** The part of an application's simultaneous reads that the readers of one user may have. */
  readonly userShare?: number;
}

interface Begun {
  readonly promise: Promise<unknown>;
  /** Time at which the read began; Infinity while it waits for its turn. */
  at: number;
  join(reader: Reader): void;
}

/** Creates reads that are shared by readers who want the same data at about the same time. */
export function createCoalescedReads({
  keepMs = 250,
  keep = 16,
  atOnce = 5,
  userShare = 1,
}: CoalescedReadsOptions = {}): CoalescedReads {
  const reads = new Map<bigint, Map<string, Map<number, Begun>>>();
  const turnOf = createTurns(atOnce, userShare);
  let kept = 0;

  function remove({ chatId, what, after }: SharedRead, read: Begun): void {
    const ofChat = reads.get(chatId);
    const same = ofChat?.get(what);
    if (same?.get(after) !== read) return;
    same.delete(after);
    if (same.size === 0) ofChat?.delete(what);
    if (ofChat?.size === 0) reads.delete(chatId);
  }

  /** Queues a read until it is the turn of any of its readers. Each owner takes one turn for all of its readers. */
  function begin(wanted: SharedRead, read: () => Promise<unknown>, ready: Promise<unknown> | undefined): Begun {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    let readers: Reader[] = [];
    const owners = new Set<string>();
    let turns = 0;

    async function take({ owner }: Reader): Promise<void> {
      const turn = { isMine: false };
      const start = (): Promise<unknown> => {
        if (begun.at !== Infinity) return Promise.reject(new Error("Another reader has begun this read"));
        turn.isMine = true;
        begun.at = performance.now();
        const isWanted = readers.some((reader) => reader.isWanted?.() ?? true);
        readers = [];
        if (isWanted) return read();
        // The read is removed at once, so that no new reader joins it.
        remove(wanted, begun);
        return Promise.reject(new ReadUnwanted("Nobody wants this read any more"));
      };
      try {
        if (ready !== undefined) await ready.catch(() => undefined);
        resolve(await turnOf(owner, start));
      } catch (error) {
        turns -= 1;
        // Otherwise, another reader has begun the read, or may still get a turn.
        if (turn.isMine || (turns === 0 && begun.at === Infinity)) reject(error);
      }
    }
    const begun: Begun = {
      promise,
      at: Infinity,
      join(reader) {
        if (begun.at !== Infinity) return;
        readers.push(reader);
        const name = nameOf(reader.owner);
        if (owners.has(name)) return;
        owners.add(name);
        turns += 1;
        void take(reader);
      },
    };
    return begun;
  }

  return {
    read<T>(wanted: SharedRead, read: () => Promise<T>, reader: Reader): Promise<T> {
      const { chatId, what, after } = wanted;
      const ofChat = reads.get(chatId) ?? new Map<string, Map<number, Begun>>();
      reads.set(chatId, ofChat);
      const same = ofChat.get(what) ?? new Map<number, Begun>();
      ofChat.set(what, same);
      const known = same.get(after);
      if (known && known.at >= (reader.notBefore ?? -Infinity)) {
        known.join(reader);
        return known.promise as Promise<T>;
      }
      // The new read begins when the old read has ended. Readers who come in between share the new read.
      const begun = begin(wanted, read, known?.promise);
      same.set(after, begun);
      begun.join(reader);
      const forget = (): void => {
        remove(wanted, begun);
      };
      begun.promise.then(() => {
        if (kept >= keep) {
          forget();
          return;
        }
        kept += 1;
        setTimeout(() => {
          kept -= 1;
          forget();
        }, keepMs).unref();
      }, forget);
      return begun.promise as Promise<T>;
    },
    near({ chatId, what, after }, within, reader) {
      const same = reads.get(chatId)?.get(what);
      if (same === undefined) return undefined;
      for (let number = after; number > after - within; number -= 1) {
        const read = same.get(number);
        if (read === undefined || read.at < (reader.notBefore ?? -Infinity)) continue;
        read.join(reader);
        return read.promise;
      }
      return undefined;
    },
    forget(chatId) {
      reads.delete(chatId);
    },
  };
}

/** Limits for readers in the queue. A reader may wait as long as a long poll. */
const waitLimits = { waitingPerKey: Infinity, waitMs: 30_000, refuse: busy };

/**
 * Returns a function that runs work when it is the owner's turn. An application leaves one place to other applications,
 * and a user gets a part of the application's places.
 */
function createTurns(atOnce: number, userShare: number) {
  const perApplication = Math.max(1, atOnce - 1);
  const ofApplication = createFairShare({ total: atOnce, perKey: perApplication, ...waitLimits });
  // The user's limit comes before the application's limit, so that work waiting for the former takes no place in the
  // latter.
  const perUser = Math.max(1, Math.floor(perApplication * userShare));
  const ofUser = createFairShare({ total: Infinity, perKey: perUser, ...waitLimits });
  return <T>(owner: Owner, work: () => Promise<T>): Promise<T> => {
    const inApplication = () => ofApplication(owner.token, work);
    return owner.user === undefined ? inApplication() : ofUser(nameOf(owner), inApplication);
  };
}

function busy(): ProblemError {
  return new ProblemError("service-unavailable", {
    detail:
      "The service has more reads of messages in progress than it can handle. Send the request again after Retry-After.",
  });
}
