import type { MessageAddress, Outbox } from "@confab/database";
import { createBuckets } from "@confab/async";
import type { Logger } from "@confab/runtime";

/** Maximum number of messages per minute and process. To repair a larger loss, run `confabctl search reindex`. */
const perMinute = 1_000;

/**
 * Puts messages into the search outbox again because the database has lost changes of them. Callers do not wait for it.
 */
export function createReindex(
  outbox: Pick<Outbox, "add">,
  logger: Logger,
): (messages: readonly MessageAddress[]) => void {
  const rate = createBuckets({ perSecond: perMinute / 60, burst: perMinute });
  return (messages) => {
    if (rate.waitOf("") > 0) return;
    rate.take("", messages.length);
    const rows = messages
      .map(({ chatId, number }) => ({ chatId, number, bytes: 0 }))
      .sort((a, b) => Number(a.chatId - b.chatId) || a.number - b.number);
    outbox.add(rows).then(
      () => {
        logger.warn(
          { messages: rows.length },
          "a search found changes that the database has lost: they are indexed again",
        );
      },
      (error: unknown) => {
        logger.warn({ err: error }, "messages whose changes the database has lost could not be indexed again");
      },
    );
  };
}
