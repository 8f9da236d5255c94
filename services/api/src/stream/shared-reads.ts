/** Reads of chats that several readers share. */
export interface SharedReads {
  /**
   * Reads, or joins a read of the chat that has the same key and is under way or just done. A reader that is woken by each signal of the
   * chat therefore misses nothing.
   */
  read<T>(chatId: bigint, key: string, read: () => Promise<T>): Promise<T>;
  /** Reads that began before do not answer readers that ask from now on. */
  forget(chatId: bigint): void;
}

export interface SharedReadsOptions {
  /** How long a result is kept, for clients that come back one after another. */
  keepMs?: number;
  /** Maximum number of results that are kept; each is at most a page of messages. */
  keep?: number;
}

/** Lets readers that want the same at about the same time share one read. */
export function createSharedReads({ keepMs = 250, keep = 16 }: SharedReadsOptions = {}): SharedReads {
  const reads = new Map<bigint, Map<string, Promise<unknown>>>();
  let kept = 0;

  function remove(chatId: bigint, key: string, read: Promise<unknown>): void {
    const ofChat = reads.get(chatId);
    if (ofChat?.get(key) !== read) return;
    ofChat.delete(key);
    if (ofChat.size === 0) reads.delete(chatId);
  }

  return {
    read<T>(chatId: bigint, key: string, read: () => Promise<T>): Promise<T> {
      const ofChat = reads.get(chatId) ?? new Map<string, Promise<unknown>>();
      reads.set(chatId, ofChat);
      const known = ofChat.get(key);
      if (known) return known as Promise<T>;
      const begun = read();
      ofChat.set(key, begun);
      const forget = (): void => {
        remove(chatId, key, begun);
      };
      begun.then(() => {
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
      return begun;
    },
    forget(chatId) {
      reads.delete(chatId);
    },
  };
}
