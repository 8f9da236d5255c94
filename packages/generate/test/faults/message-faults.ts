import { setTimeout as sleep } from "node:timers/promises";
import { createDeadLetters } from "@confab/database";
import type { Fault } from "./fault.ts";

const trigger = "confab_refuse_poison";

export const messageFaults: readonly Fault[] = [
  {
    what: "The only worker ends while messages arrive; ten workers of ten are wanted",
    alerts: ["ConfabServiceDown worker", "ConfabOldestPendingTooOld", "ConfabQueueGrowing", "ConfabWorkersAtMax"],
    async cause({ installation }) {
      installation.kubernetes.state.workersWanted = 10;
      await installation.services.worker.stop();
    },
    async feed({ load }, ended) {
      while (!ended.aborted) {
        await load.send(500);
        await sleep(1_000);
      }
    },
    fixedBy: "A worker starts",
    async fix({ installation }) {
      installation.kubernetes.state.workersWanted = 2;
      await installation.services.worker.start();
    },
  },
  {
    what: "MySQL refuses a message (a trigger)",
    alerts: ["ConfabMessagesDeadLettered"],
    async cause({ database, load }) {
      await database.prisma.$executeRawUnsafe(
        `CREATE TRIGGER ${trigger} BEFORE INSERT ON messages FOR EACH ROW BEGIN IF NEW.body = 'poison' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no poison'; END IF; END`,
      );
      await load.send(3, "poison");
    },
    fixedBy: "The trigger is dropped, the dead letters are retried",
    async fix({ database }) {
      await database.prisma.$executeRawUnsafe(`DROP TRIGGER ${trigger}`);
      const letters = createDeadLetters(database);
      for (const { id } of (await letters.list({ limit: 100 })).items) await letters.restore(id);
    },
  },
  {
    what: "Other messages take the next numbers of all chats (rows are inserted by hand)",
    alerts: ["ConfabMessagesRenumbered"],
    async cause({ database, load }) {
      await database.prisma.$executeRaw`
        INSERT INTO messages (chat_id, number, uid, body, created_at, updated_at)
          SELECT c.id, COALESCE(MAX(m.number), 0) + 3, UNHEX(REPLACE(UUID(), '-', '')), 'by hand', NOW(3), NOW(3)
            FROM chats c LEFT JOIN messages m ON m.chat_id = c.id GROUP BY c.id`;
      await load.send(load.chats * 6);
    },
    fixedBy: "Nothing: the alert ends after its window",
  },
  {
    what: "Redis loses the messages of a batch (its key is deleted)",
    alerts: ["ConfabBatchesLost"],
    async cause({ installation, redis, load }) {
      await installation.services.worker.stop();
      await load.send(1);
      for (const key of await redis.keys("confab:{p0}:batch:*")) await redis.del(key);
      await installation.services.worker.start();
    },
    fixedBy: "Nothing: the alert ends after its window",
  },
  {
    what: "A count is changed by hand, and a worker starts, which checks some",
    alerts: ["ConfabCountsWrong messages_count"],
    async cause({ database, installation }) {
      await database.prisma.$executeRaw`UPDATE chats SET messages_count = messages_count + 7`;
      await installation.services.worker.stop();
      await installation.services.worker.start();
    },
    fixedBy: "The count is corrected",
    async fix({ database }) {
      await database.prisma.$executeRaw`UPDATE chats SET messages_count = messages_count - 7`;
    },
  },
];
