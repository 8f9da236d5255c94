import { useForAll, useForEach } from "@confab/testkit";
import { openTestDatabase } from "./setup.ts";

/**
 * Opens a database for all tests. Gives each test a chat and an empty search outbox. `count` returns the chat's count.
 */
export function useChat() {
  const test = useForAll(openTestDatabase);
  const chat = useForEach(() => test.newChat());
  beforeEach(() => test.database.prisma.searchOutboxEntry.deleteMany());
  const count = async () => (await test.chats.find(chat.token, 1))?.messagesCount;
  return { test, chat, count };
}
