import { timeSince2026 } from "./ordinals.ts";
import { transaction } from "./transaction.ts";
import type { CommitGuard } from "./attempt.ts";
import type { Database } from "./client.ts";

/**
 * Redis has this epoch of an application. If MySQL has none so high, MySQL has lost it, and messages are accepted in it that are older than
 * requests which began a lower one. So the application and its erasures of senders whose marks are not set get an epoch above it, which is
 * returned. Otherwise nothing changes: a later request began it.
 */
export function passEpoch(
  database: Database,
  token: string,
  inRedis: number,
  guard?: CommitGuard,
): Promise<number | undefined> {
  return transaction(
    database,
    async (tx) => {
      const [owner] = await tx.$queryRawUnsafe<{ epoch: number; next: bigint | number }[]>(
        `SELECT epoch, GREATEST(? + 1, ${timeSince2026("MILLISECOND")}) AS next FROM applications WHERE token = ? FOR UPDATE`,
        inRedis,
        token,
      );
      if (!owner || owner.epoch >= inRedis) return undefined;
      const epoch = Number(owner.next);
      await tx.$executeRaw`UPDATE applications SET epoch = ${epoch} WHERE token = ${token}`;
      await tx.erasure.updateMany({
        where: { token, sender: { not: null }, finishedAt: null, markedAt: null },
        data: { epoch },
      });
      return epoch;
    },
    guard ? { guard } : {},
  );
}
