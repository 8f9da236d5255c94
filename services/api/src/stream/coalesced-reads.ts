import { ProblemError } from "@confab/contracts";
import type { Owner } from "@confab/http";
import { createFairShare } from "@confab/async";
import { nameOf } from "../fair-shares.ts";

/** A read of a chat, after a number. Readers that read the same after the same number share one read. */
export interface SharedRead {
  readonly chatId: bigint;
  readonly what: string;
  readonly after: number;
}

/** Who reads, and until when. */
export interface Reader {
  readonly owner: Owner;
  /** It has to know all that happened before this time, by `performance.now()`: it joins no read that began before. */
  readonly notBefore?: number | undefined;
  /** Whether it still wants the result. A page that no reader wants is not read. */
  readonly isWanted?: () => boolean;
}

/** Nobody wanted the read any more when its turn came. */
export class ReadUnwanted extends Error {
  override readonly name = "ReadUnwanted";
}

/** Reads of chats that several readers share. */
export interface CoalescedReads {
  /**
   * Reads, or joins the same read if it is under way or just done. A reader that is woken by each signal of the chat therefore misses
   * nothing. Applications take turns to read, and so do the users of an application. A read that no reader wants when its turn comes
   * rejects with `ReadUnwanted`.
   */
  read<T>(wanted: SharedRead, read: () => Promise<T>, reader: Reader): Promise<T>;
  /** Joins a read of the same after a number that is lower by less than `within`: the nearest one. */
  near(wanted: SharedRead, within: number, reader: Reader): Promise<unknown> | undefined;
  /** Reads that began before do not answer readers that ask from now on. */
  forget(chatId: bigint): void;
}

export interface CoalescedReadsOptions {
  /** How long a result is kept, for clients that come back one after another. */
  readonly keepMs?: number;
  /** Maximum number of results that are kept; each is at most a page of messages. */
  readonly keep?: number;
  /** Maximum number of reads under way. Others wait, so that they do not use up their time in the queue of the database. */
  readonly atOnce?: number;
  /** The part of them that the readers of one user may have. */
  readonly userShare?: number;
}

interface Begun {
  readonly promise: Promise<unknown>;
  /** Infinite while it waits for its turn. */
  at: number;
  join(reader: Reader): void;
}

/** Lets readers that want the same at about the same time share one read. */
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

  /** Begins a read in the turn of any of its readers. Each owner takes one turn for all its readers. */
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
        // At once, so that a reader who asks now does not join it.
        remove(wanted, begun);
        return Promise.reject(new ReadUnwanted("Nobody wants this read any more"));
      };
      try {
        if (ready !== undefined) await ready.catch(() => undefined);
        resolve(await turnOf(owner, start));
      } catch (error) {
        turns -= 1;
        // Otherwise another reader has begun it, or still has a turn.
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
      // After the one that is too old, so that those who come meanwhile share this one.
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

/** Readers may wait as long as those that wait for messages. */
const waitLimits = { waitingPerKey: Infinity, waitMs: 30_000, refuse: busy };

/** Runs work in the turn of its owner: one place is left to other applications, and a user has a part of the others. */
function createTurns(atOnce: number, userShare: number) {
  const perApplication = Math.max(1, atOnce - 1);
  const ofApplication = createFairShare({ total: atOnce, perKey: perApplication, ...waitLimits });
  // In front of it, so that what waits here takes no place there.
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
