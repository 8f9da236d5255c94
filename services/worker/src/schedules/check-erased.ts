import type { ErasureWork } from "@confab/database";
import type { Logger } from "@confab/runtime";

export interface ErasedCheckOptions {
  readonly work: Pick<ErasureWork, "erasedAfter">;
  /** Removes some of the chats' documents from the search index, and returns the number of removed documents. */
  readonly removeDocuments: (chatIds: readonly bigint[]) => Promise<number>;
  readonly logger: Logger;
}

const chatsPerRun = 500;

/**
 * Creates a task that removes documents of erased chats from the search index. Such documents can reappear if a worker
 * was suspended while the chat was erased, or if an old snapshot of the index is restored. Each run checks the next 500
 * erased chats, and starts again after the last one.
 */
export function createErasedCheck({ work, removeDocuments, logger }: ErasedCheckOptions): () => Promise<void> {
  let walkedTo = 0n;
  return async () => {
    const chatIds = await work.erasedAfter(walkedTo, chatsPerRun);
    let removed = 0;
    for (let some = 1; some > 0;) removed += some = await removeDocuments(chatIds);
    walkedTo = chatIds.length < chatsPerRun ? 0n : chatIds.at(-1)!;
    if (removed > 0) {
      logger.warn({ documents: removed }, "documents of erased chats were in the search index: they are removed again");
    }
  };
}
