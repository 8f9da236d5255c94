import { createHorizons, createMessageChanges } from "@confab/database";
import { useForAll } from "@confab/testkit";
import { expect } from "chai";
import { openTestDatabase } from "./setup.ts";

/** Opens a database for all tests. After each test, compares its blocks of deleted numbers with the numbers. */
export function useHorizons() {
  // Some tests start more calls at once than the pool has sessions.
  const test = useForAll(() => openTestDatabase({ acquireTimeoutMs: 30_000 }));
  const horizons = useForAll(() => createHorizons(test.database));
  const changes = useForAll(() => createMessageChanges(test.database));
  // After each test, the blocks must match the numbers.
  afterEach(async () => {
    const differences = await test.database.prisma.$queryRaw`
      SELECT * FROM (
        SELECT chat_id, block, SUM(numbers) AS difference FROM (
          SELECT chat_id, block, numbers FROM deleted_blocks
          UNION ALL
          SELECT chat_id, number DIV 1000, -COUNT(*) FROM deleted_numbers GROUP BY chat_id, number DIV 1000
        ) AS each_one GROUP BY chat_id, block
      ) AS sums WHERE difference <> 0`;
    expect(differences).to.deep.equal([]);
  });

  /** Counts the messages themselves, which the tested count never reads. */
  async function recount(chatId: bigint, horizon: number): Promise<number> {
    return test.database.prisma.message.count({ where: { chatId, number: { gt: horizon }, deletedAt: null } });
  }

  return { test, horizons, changes, recount };
}
