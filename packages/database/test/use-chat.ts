import { useForAll, useForEach } from "@confab/testkit";
import { openTestDatabase } from "./setup.ts";

/** Opens a database for all tests, and gives each of them a chat and an empty search outbox. `count` is the chat's count. */
export function useChat() {
  const test = useForAll(openTestDatabase);
  const chat = useForEach(() => test.newChat());
  beforeEach(() => test.database.prisma.searchOutboxEntry.deleteMany());
  const count = async () => (await test.chats.find(chat.token, 1))?.messagesCount;
  return { test, chat, count };
}
