import { useForAll } from "@confab/testkit";
import { createErasures, createErasureWork, createHorizons } from "@confab/database";
import { expect } from "chai";
import { batch, message, openTestDatabase } from "./setup.ts";

/** Ids that some collation, normalization or conversion confuses with another id in the list. */
const alike = [
  "anna",
  "anna ",
  "anna  ",
  " anna",
  "anna\t",
  "anna\u00a0",
  "anna\u0000",
  "Anna",
  "ANNA",
  "annä",
  "anna\u0308",
  "ann\u0061\u0300",
  "annà",
  "ａnna",
  "😀",
  "😁",
  "\ufeffanna",
  "anna\u200d",
  "ß",
  "ss",
  "\\",
  "'",
  "%",
  "_",
];

describe("identifiers that clients choose", () => {
  const test = useForAll(openTestDatabase);

  it("are compared byte for byte when the messages of a sender are found", async () => {
    const work = createErasureWork(test.database);
    const { id: chatId } = await test.newChat();
    const messages = alike.map((sender, at) => ({ ...message(chatId, at + 1), sender }));
    await test.batchStore.store([batch(...messages)]);
    for (const [at, sender] of alike.entries()) {
      const found = await work.messagesOf({ sender, epoch: 1 }, [{ chatId, from: 1, to: alike.length }]);
      expect(
        found.map(({ number }) => number),
        JSON.stringify(sender),
      ).to.deep.equal([at + 1]);
    }
    expect((await test.messages.range(chatId, { limit: 100 })).map(({ sender }) => sender)).to.deep.equal(alike);
  });

  it("are different readers, and erasing one leaves the others", async () => {
    const reads = createHorizons(test.database);
    const work = createErasureWork(test.database);
    const { id: chatId, token } = await test.newChat();
    await test.batchStore.store([batch(...alike.map((_, at) => message(chatId, at + 1)))]);
    for (const [at, reader] of alike.entries()) {
      expect(await reads.advance(chatId, reader, at + 1), reader).to.include({ reader, number: at + 1 });
    }
    for (const [at, reader] of alike.entries()) {
      expect(await reads.find(chatId, reader), reader).to.include({ reader, number: at + 1 });
      const unread = await reads.unreadChats(token, reader, { limit: 10 });
      expect(unread?.items.map(({ horizon }) => horizon) ?? []).to.deep.equal(at + 1 < alike.length ? [at + 1] : []);
    }
    expect((await reads.list(chatId, { limit: 100 })).items.map(({ reader }) => reader)).to.have.members(alike);
    expect(await work.deleteHorizons({ sender: "anna", epoch: 1 }, [chatId])).to.equal(1);
    expect((await reads.list(chatId, { limit: 100 })).items).to.have.length(alike.length - 1);
  });

  it("are different idempotency keys", async () => {
    const { token } = await test.newChat();
    const requestHash = Buffer.alloc(32, 1);
    const create = (key: string) => test.chats.create({ token, idempotency: { key, requestHash } });
    for (const [at, key] of alike.entries()) expect(await create(key), key).to.include({ number: at + 2 });
    for (const [at, key] of alike.entries()) expect(await create(key)).to.include({ number: at + 2, replayed: true });
  });

  it("are different senders in the journal of erasures", async () => {
    const erasures = createErasures(test.database);
    const { token } = await test.newChat();
    const ids = new Map<string, bigint>();
    for (const sender of alike) ids.set(sender, (await erasures.eraseSender(token, sender, { epochInRedis: 0 }))!.id);
    for (const sender of alike) {
      expect(await erasures.findSender(token, sender)).to.include({ sender, id: ids.get(sender) });
    }
  });
});
