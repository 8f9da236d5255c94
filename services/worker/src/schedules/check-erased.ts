import type { ErasureWork } from "@confab/database";
import type { Logger } from "@confab/runtime";

export interface ErasedCheckOptions {
  readonly work: Pick<ErasureWork, "erasedAfter">;
  /** Removes some documents of chats from the search index, and returns how many. */
  readonly removeDocuments: (chatIds: readonly bigint[]) => Promise<number>;
  readonly logger: Logger;
}

const chatsPerRun = 500;

/**
 * Looks in the search index for documents of chats that were erased, and removes them: a worker that stood still while the chat was erased,
 * or a snapshot of the index, may bring some back. Each run looks for the next chats of a walk through all erased ones.
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
