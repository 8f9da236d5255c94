import { countDocuments, rebuild, removeChats } from "@confab/search";
import { useForEach } from "@confab/testkit";
import { expect } from "chai";
import { createTestIndex } from "./backends.ts";
import { messageOf, messagesOf, newChat } from "./documents.ts";

describe("removing chats from the index", () => {
  const es = useForEach(createTestIndex);

  const total = async (...chatIds: bigint[]): Promise<number> =>
    [...(await countDocuments(es, chatIds)).values()].reduce((sum, count) => sum + count, 0);

  it("removes every document of the chats, a thousand at a time, and no other", async () => {
    const [a, b, c] = [newChat(), newChat(), newChat()];
    const bodies = Array.from({ length: 1_200 }, (_, at) => `message ${at}`);
    await es.index([...messagesOf(a, bodies), ...messagesOf(b, ["one"]), ...messagesOf(c, ["two"])]);
    expect(await total(a, b)).to.equal(1_201);
    const removed: number[] = [];
    do removed.push(await removeChats(es, [a, b]));
    while (removed.at(-1) !== 0);
    expect(removed).to.deep.equal([1_000, 201, 0]);
    expect(await total(a, b)).to.equal(0);
    expect(await total(c)).to.equal(1);
    expect(await removeChats(es, [])).to.equal(0);
  });

  it("lets no late write of a removed document bring it back", async () => {
    const chatId = newChat();
    await es.index([messageOf(chatId, 1, "edited", 3)]);
    await removeChats(es, [chatId]);
    await es.index([messageOf(chatId, 1, "first", 1), messageOf(chatId, 1, "edited", 3)]);
    expect(await total(chatId)).to.equal(0);
  });

  it("removes what a rebuild copies, from both indices", async () => {
    const chatId = newChat();
    await es.index([messageOf(chatId, 1, "old index")]);
    let removed = 0;
    await rebuild(es, {
      scan: async function* () {
        yield [messageOf(chatId, 1, "old index"), messageOf(chatId, 2, "new index")];
        removed = await removeChats(es, [chatId]);
        // The message is read before the chat is deleted and written afterwards.
        yield [messageOf(chatId, 3, "late")];
      },
    });
    expect(removed).to.equal(3);
    expect(await total(chatId), "only a second call can find it").to.equal(1);
    expect(await removeChats(es, [chatId])).to.equal(1);
    expect(await total(chatId)).to.equal(0);
  });
});
