/** Reads of chats that several readers share. */
export interface SharedReads {
  /** Reads, or joins a read of the chat under way that has the same key. */
  read<T>(chatId: bigint, key: string, read: () => Promise<T>): Promise<T>;
  /** Reads that began before do not answer readers that ask from now on. */
  forget(chatId: bigint): void;
}

/** Lets readers that want the same at the same time share one read. */
export function createSharedReads(): SharedReads {
  const reads = new Map<bigint, Map<string, Promise<unknown>>>();
  return {
    read<T>(chatId: bigint, key: string, read: () => Promise<T>): Promise<T> {
      const ofChat = reads.get(chatId) ?? new Map<string, Promise<unknown>>();
      reads.set(chatId, ofChat);
      const known = ofChat.get(key);
      if (known) return known as Promise<T>;
      const begun = read().finally(() => {
        if (ofChat.get(key) === begun) ofChat.delete(key);
        if (ofChat.size === 0 && reads.get(chatId) === ofChat) reads.delete(chatId);
      });
      ofChat.set(key, begun);
      return begun;
    },
    forget(chatId) {
      reads.delete(chatId);
    },
  };
}
