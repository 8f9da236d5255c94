import { createRetention, type RetentionGroup } from "@confab/database";
import { useForEach } from "@confab/testkit";
import { batch, message, openTestDatabase } from "./setup.ts";

export const dayMs = 86_400_000;

/** Gives each test a database, the time of its server in `clock`, and functions that store old messages and expire them. */
export function useRetention() {
  const test = useForEach(openTestDatabase);
  const retention = useForEach(() => createRetention(test.database));
  const clock = useForEach(async () => ({ now: await retention.time() }));

  const ago = (days: number, ms = 0): Date => new Date(clock.now.getTime() - days * dayMs - ms);
  /** Stores messages of these ages in days, numbered from `first`. */
  const store = (chatId: bigint, ages: readonly number[], first = 1) =>
    test.batchStore.store([
      batch(...ages.map((age, at) => ({ ...message(chatId, first + at), sender: "anna", createdAt: ago(age) }))),
    ]);
  const limited = async (days: number | null) => {
    const chat = await test.newChat();
    await test.applications.change(chat.token, { retentionDays: days });
    return chat;
  };
  async function overdue(): Promise<{ id: bigint; group: RetentionGroup }[]> {
    const { groups } = await retention.look(clock.now, 100);
    const chats = await Promise.all(
      groups.map(async (group) => {
        const found = await retention.chats(group, clock.now, { limit: 100 });
        return found.map(({ id }) => ({ id, group }));
      }),
    );
    return chats.flat();
  }
  async function expireAll(): Promise<number> {
    let total = 0;
    for (const { id } of await overdue()) {
      for (let more = true; more;) {
        const result = await retention.expire(id, clock.now);
        ({ more } = result);
        total += result.deleted;
      }
    }
    return total;
  }

  return { test, retention, clock, ago, store, limited, overdue, expireAll };
}
