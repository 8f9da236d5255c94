import { timeSince2026 } from "./ordinals.ts";
import type { Statements } from "./session.ts";

/**
 * Locks a chat until the transaction ends, and returns the next of its change numbers; undefined if it does not exist. The numbers ascend by
 * one, or to the microseconds since 2026 by MySQL's clock. A chat never has a change per microsecond, so no change is given a number that
 * MySQL has lost, unless the clock was set back.
 */
export async function nextChangeNumber(
  tx: Pick<Statements, "$queryRawUnsafe">,
  chatId: bigint,
): Promise<number | undefined> {
  const [chat] = await tx.$queryRawUnsafe<{ next: bigint | number }[]>(
    `SELECT GREATEST(last_change_number + 1, ${timeSince2026("MICROSECOND")}) AS next FROM chats WHERE id = ? FOR UPDATE`,
    chatId,
  );
  return chat && Number(chat.next);
}
