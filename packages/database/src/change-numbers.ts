import { SECONDS_SINCE_2026 } from "./ordinals.ts";
import type { Statements } from "./session.ts";

/**
 * Locks a chat until the transaction ends, and returns the next of its change numbers; undefined if it does not exist. The numbers ascend by
 * one, or to the seconds since 2026 by MySQL's clock: so a change is not given a number that MySQL has lost, unless the chat has had more
 * changes than seconds.
 */
export async function nextChangeNumber(
  tx: Pick<Statements, "$queryRawUnsafe">,
  chatId: bigint,
): Promise<number | undefined> {
  const [chat] = await tx.$queryRawUnsafe<{ next: bigint | number }[]>(
    `SELECT GREATEST(last_change_number + 1, ${SECONDS_SINCE_2026}) AS next FROM chats WHERE id = ? FOR UPDATE`,
    chatId,
  );
  return chat && Number(chat.next);
}
