import type { ClaimedErasure, ErasureWork } from "@confab/database";
import type { PendingErasure } from "@confab/pending";
import type { MetricCatalogue } from "@confab/metrics";
import { shortToken, type Logger, type Metrics } from "@confab/runtime";
import { createChatErasing } from "./erase-chats.ts";
import { createSenderErasing } from "./erase-sender.ts";

export interface EraseOptions {
  readonly work: ErasureWork;
  readonly pendingErasure: PendingErasure;
  /** Returns whether messages that were accepted at least this long ago, by Redis' clock, are pending. */
  readonly hasPending: (ageMs: number) => Promise<boolean>;
  /**
   * Removes some of the chats' documents from the search index, and returns the number of removed documents. Undefined
   * if there is no index.
   */
  readonly removeDocuments?: ((chatIds: readonly bigint[]) => Promise<number>) | undefined;
  /** Maximum number of rows and documents that are deleted per second. */
  readonly rowsPerSecond: number;
  /** Time in ms after which a cleared chat is checked again, for data that was in flight when the chat was deleted. */
  readonly settleMs: number;
  readonly metrics: Metrics<MetricCatalogue>;
  readonly logger: Logger;
}

export interface Erasing {
  /**
   * Carries out each erasure that no other worker holds, as far as currently possible. An erasure that fails does not
   * hold up the others.
   */
  run(): Promise<void>;
  /** Lets the current run end after its next step. */
  stop(): void;
}

const holdMs = 60_000;
const restMs = 1_000;
/** Time in ms that the erasures of an application run before the next application gets its turn. */
const turnMs = 2_000;
const marksAtOnce = 100;
const erasuresAtOnce = 20;

/**
 * Carries out erasures. Before each round, it sets the marks of new erasures in Redis. Applications take turns. Each
 * step finds out what is left, so that any worker can continue after any step.
 */
export function createErasing({ removeDocuments = () => Promise.resolve(0), ...options }: EraseOptions): Erasing {
  const { work, pendingErasure, metrics, logger } = options;
  const finished = metrics.counter("confab_erasures_finished_total");
  const eraseChats = createChatErasing({ ...options, removeDocuments, holdMs });
  const eraseSender = createSenderErasing({ ...options, holdMs });
  let stopped = false;

  async function setMarks(): Promise<void> {
    for (;;) {
      const erasures = await work.unmarked(marksAtOnce);
      for (const erasure of erasures) {
        const { token, chatNumber, epoch } = erasure;
        if (epoch === null) await pendingErasure.block(token, chatNumber ?? undefined);
        else await pendingErasure.beginEpoch(token, epoch);
        await work.noteMarked(erasure);
      }
      if (erasures.length < marksAtOnce) return;
    }
  }

  async function finish(erasure: ClaimedErasure): Promise<void> {
    const { token, chatNumber, sender, requestedAt } = erasure;
    await work.finish(erasure);
    finished.inc();
    logger.info(
      {
        application: shortToken(token),
        ...(chatNumber !== null && { chat: chatNumber }),
        ...(sender !== null && { of: "a sender" }),
        seconds: Math.round((Date.now() - requestedAt.getTime()) / 1_000),
      },
      "erasure finished",
    );
  }

  async function carryOut(erasure: ClaimedErasure, isOver: () => boolean): Promise<void> {
    let waitMs: number | undefined = restMs;
    try {
      const { sender, epoch } = erasure;
      const outcome =
        sender === null || epoch === null
          ? await eraseChats(erasure, isOver)
          : await eraseSender({ ...erasure, sender, epoch }, isOver);
      waitMs = outcome === "complete" ? undefined : outcome;
      if (outcome === "complete") await finish(erasure);
    } finally {
      if (waitMs !== undefined) await work.hold(erasure, stopped ? 0 : waitMs);
    }
  }

  return {
    async run() {
      const errors: unknown[] = [];
      for (let isDone = false; !isDone;) {
        await setMarks();
        const waiting = await work.waiting(erasuresAtOnce);
        for (const erasures of Map.groupBy(waiting, ({ token }) => token).values()) {
          const end = performance.now() + turnMs;
          const isOver = (): boolean => stopped || performance.now() > end;
          for (const { id } of erasures) {
            if (isOver()) break;
            const erasure = await work.claim(id, holdMs);
            if (erasure) await carryOut(erasure, isOver).catch((error: unknown) => errors.push(error));
          }
        }
        isDone = stopped || waiting.length === 0 || errors.length > 0;
      }
      if (errors.length > 0) throw errors[0];
    },
    stop() {
      stopped = true;
    },
  };
}
