import { noLimits } from "@confab/testkit/world";
import { expect } from "chai";
import { decodeBatch } from "./accepted-batch.ts";
import { encodeBatch } from "./encode-batch.ts";
import { encodeBatchChats } from "./batch-chats.ts";
import { createBatchId } from "./batch-id.ts";

const none = Buffer.alloc(0);
/**
 * Returns a batch as it is in Redis: two chats of one application, the second one with three messages, and one of
 * another with an epoch.
 */
function batchInRedis() {
  const [own, other] = ["7b1f5d53-3a0d-4f4e-9d0b-6d5b8f1c2aJ0", "0a70f9a8-60a5-4f8d-8d0e-5b5c1c9f1111"];
  const places = [
    [own, 12],
    [own, 7],
    [own, 7],
    [own, 7],
    [other, 7],
  ] as const;
  const entries = places.map(([token, chat], at) => ({
    token,
    chat,
    requestId: `r${at}`,
    body: `body ${"x".repeat(at * 60)}`,
  }));
  const batchId = createBatchId(1000);
  const { id, args } = encodeBatch("p:", batchId, entries, noLimits, 1000);
  const records = Buffer.from(String(args[9]));
  const lengths = [16, 22, 28].map((at) => String(args[at]).split(",").map(Number));
  let offset = 0;
  const chats = lengths.map((own, at) => {
    const [token, chat] = places[[0, 1, 4][at]!]!;
    const line = {
      token,
      chat,
      epoch: at === 2 ? 30 : undefined,
      chatId: BigInt(4470 + at),
      first: 99 + at,
      offset,
      lengths: own,
    };
    offset += own.reduce((sum, length) => sum + length, 0);
    return line;
  });
  const index = encodeBatchChats(chats).toString();
  // The accept script writes the application of consecutive chats once.
  return { id, records, index: Buffer.from(index.replace(`\n${own}`, "\n")) };
}

describe("decoding a batch", () => {
  const { id, index, records } = batchInRedis();
  const whole = decodeBatch(id, index, records, none);

  it("finds the chats and numbers of all messages", () => {
    expect(whole.repaired).to.equal(undefined);
    expect(
      whole.batch.messages.map(({ token, chat, chatId, epoch, number }) => [
        token.slice(-2),
        chat,
        chatId,
        epoch,
        number,
      ]),
    ).to.deep.equal([
      ["J0", 12, 4470n, undefined, 99],
      ["J0", 7, 4471n, undefined, 100],
      ["J0", 7, 4471n, undefined, 101],
      ["J0", 7, 4471n, undefined, 102],
      ["11", 7, 4472n, 30, 101],
    ]);
    expect(whole.batch.messages.filter(({ damaged }) => damaged)).to.deep.equal([]);
  });

  it("finds the same messages whichever bit of the index has flipped", () => {
    for (let bit = 0; bit < 8 * index.length; bit++) {
      const flipped = Buffer.from(index);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const { batch, repaired } = decodeBatch(id, flipped, records, none);
      expect(batch, `bit ${bit}`).to.deep.equal(whole.batch);
      expect(decodeBatch(id, repaired!, records, none), `bit ${bit}`).to.deep.equal(whole);
    }
  });

  it("keeps the records of a line that cannot be read as one damaged message, and those of the others as they are", () => {
    const lines = index.toString().split("\n");
    const destroyed = Buffer.from([lines[0], "?".repeat(lines[1]!.length), lines[2], ""].join("\n"));
    const { batch, repaired } = decodeBatch(id, destroyed, records, none);
    const [first, ...others] = whole.batch.messages;
    expect(batch.messages.slice(0, 2)).to.deep.equal([first, { ...others[3], record: 2 }]);
    expect(batch.messages).to.have.length(3);
    expect(batch.messages[2]).to.include({ token: "", chat: 0, number: 0, damaged: true });
    for (const { body } of others.slice(0, 3)) expect(batch.messages[2]!.body).to.include(`\n${body}`);
    expect(decodeBatch(id, repaired!, records, none)).to.deep.equal({ batch, repaired: undefined });
  });

  it("leaves a line as it is when all its records are damaged", () => {
    const damaged = Buffer.from(records);
    damaged[0] = 0;
    const { batch, repaired } = decodeBatch(id, index, damaged, none);
    expect(repaired, "the index is not damaged").to.equal(undefined);
    expect(batch.messages.map(({ damaged: is }) => is)).to.deep.equal([true, false, false, false, false]);
    expect(batch.messages[0]).to.include({ chat: 12, number: 99 });
  });
});
