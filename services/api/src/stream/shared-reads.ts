/** A read of a chat, after a number. Readers that read the same after the same number share one read. */
export interface SharedRead {
  readonly chatId: bigint;
  readonly what: string;
  readonly after: number;
}

type InTurn<T> = (read: () => Promise<T>) => Promise<T>;

/** Reads of chats that several readers share. */
export interface SharedReads {
  /**
   * Reads, or joins the same read if it is under way or just done. A reader that is woken by each signal of the chat therefore
   * misses nothing. One that has to know all that happened before a time, by `performance.now()`, joins no read that began before
   * it. A reader that begins a read waits for its turn first.
   */
  read<T>(wanted: SharedRead, read: () => Promise<T>, notBefore?: number, inTurn?: InTurn<T>): Promise<T>;
  /** A read under way or just done of the same after a number that is lower by less than `within`: the nearest one. */
  near(wanted: SharedRead, within: number, notBefore?: number): Promise<unknown> | undefined;
  /** Reads that began before do not answer readers that ask from now on. */
  forget(chatId: bigint): void;
}

export interface SharedReadsOptions {
  /** How long a result is kept, for clients that come back one after another. */
  keepMs?: number;
  /** Maximum number of results that are kept; each is at most a page of messages. */
  keep?: number;
  /** Maximum number of reads under way. Others wait, so that they do not use up their time in the queue of the database. */
  atOnce?: number;
}

interface Begun {
  promise: Promise<unknown>;
  /** Infinite while it waits for others. */
  at: number;
}

/** Lets readers that want the same at about the same time share one read. */
export function createSharedReads({ keepMs = 250, keep = 16, atOnce = 5 }: SharedReadsOptions = {}): SharedReads {
  const reads = new Map<bigint, Map<string, Map<number, Begun>>>();
  const limited = createLimit(atOnce);
  let kept = 0;

  function remove({ chatId, what, after }: SharedRead, read: Begun): void {
    const ofChat = reads.get(chatId);
    const same = ofChat?.get(what);
    if (same?.get(after) !== read) return;
    same.delete(after);
    if (same.size === 0) ofChat?.delete(what);
    if (ofChat?.size === 0) reads.delete(chatId);
  }

  return {
    read<T>(wanted: SharedRead, read: () => Promise<T>, notBefore = -Infinity, inTurn: InTurn<T> = now): Promise<T> {
      const { chatId, what, after } = wanted;
      const ofChat = reads.get(chatId) ?? new Map<string, Map<number, Begun>>();
      reads.set(chatId, ofChat);
      const same = ofChat.get(what) ?? new Map<number, Begun>();
      ofChat.set(what, same);
      const known = same.get(after);
      if (known && known.at >= notBefore) return known.promise as Promise<T>;
      // It waits for its turn without a place among the reads under way, which belong to all applications.
      const begin = () =>
        inTurn(() =>
          limited(() => {
            begun.at = performance.now();
            return read();
          }),
        );
      const begun: Begun = { promise: Promise.resolve(), at: Infinity };
      // After the one that is too old, so that those who come meanwhile share this one.
      const promise = known ? known.promise.then(begin, begin) : begin();
      begun.promise = promise;
      same.set(after, begun);
      const forget = (): void => {
        remove(wanted, begun);
      };
      promise.then(() => {
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
      return promise;
    },
    near({ chatId, what, after }, within, notBefore = -Infinity) {
      const same = reads.get(chatId)?.get(what);
      if (same === undefined) return undefined;
      for (let number = after; number > after - within; number -= 1) {
        const read = same.get(number);
        if (read !== undefined && read.at >= notBefore) return read.promise;
      }
      return undefined;
    },
    forget(chatId) {
      reads.delete(chatId);
    },
  };
}

function now<T>(read: () => Promise<T>): Promise<T> {
  return read();
}

/** Runs work at once, or when other work is done, in the order of the calls. */
function createLimit(atOnce: number) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < atOnce) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
