import { randomUUID } from "node:crypto";
import { createApplications, createChats, createDatabase, migrate } from "@confab/database";
import { ignoreLostSessionRejections } from "@confab/database/lost-sessions";
import { createTestDatabase } from "@confab/testkit";

// Mocha ignores unhandled rejections. With this handler, rejections in our code fail the test.
ignoreLostSessionRejections();

export interface Chat {
  readonly token: string;
  readonly number: number;
  readonly id: bigint;
}

/**
 * Opens the database at a URL, or a new, migrated database, which `close` drops. Returns functions that create
 * applications and chats like the api.
 */
export async function openDatabase(given?: string) {
  const created = given === undefined ? await createTestDatabase() : undefined;
  if (created) await migrate(created.url);
  const url = given ?? created!.url;
  const database = createDatabase({ url });
  const [applications, chats] = [createApplications(database), createChats(database)];

  async function newApplication(): Promise<string> {
    const { token } = await applications.create({ token: randomUUID(), name: "test" });
    return token;
  }
  return {
    url,
    database,
    chats,
    newApplication,
    /** Creates a chat in the given application, or in a new one. */
    newChat: async (token?: string): Promise<Chat> => {
      const owner = token ?? (await newApplication());
      const chat = await chats.create({ token: owner });
      return { token: owner, number: chat!.number, id: chat!.id };
    },
    close: async (): Promise<void> => {
      await database.close();
      await created?.drop();
    },
  };
}
