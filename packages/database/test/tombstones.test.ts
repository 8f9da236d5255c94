import { useForAll } from "@confab/testkit";
import { contentFields, toJsonText } from "@confab/contracts";
import { createMessageChanges, createRetention, removeMessages } from "@confab/database";
import { expect } from "chai";
import { batch, message, openTestDatabase } from "./setup.ts";

type Row = Record<string, unknown>;

/** The columns of `messages` that are not content. Everything else is content, which no tombstone may keep. */
const bookkeeping = [
  "chat_id",
  "number",
  "uid",
  "version",
  "change_number",
  "epoch",
  "created_at",
  "updated_at",
  "edited_at",
  "deleted_at",
];
/**
 * The content columns that the tombstone of a deleted message keeps. Without the sender, `reply_to` says nothing about
 * anybody.
 */
const kept = ["sender", "reply_to"];

describe("a tombstone", () => {
  const test = useForAll(openTestDatabase);
  before(async () => {
    // A newer version of Confab adds columns to the tables that this version uses.
    await test.database.prisma.$executeRaw`ALTER TABLE messages ADD COLUMN reaction TEXT`;
  });

  const rowsOf = async (chatId: bigint): Promise<Row[]> =>
    test.database.prisma.$queryRaw`SELECT * FROM messages WHERE chat_id = ${chatId} ORDER BY number`;
  const contentOf = (row: Row): string[] =>
    Object.keys(row).filter((column) => !bookkeeping.includes(column) && row[column] !== null && row[column] !== "");

  /** Creates a chat with two messages. The second one has every field. */
  async function fullChat() {
    const chat = await test.newChat();
    const content = { sender: "anna", metadata: toJsonText({ a: 1 }), reply_to: 1 };
    const createdAt = new Date(Date.now() - 3 * 86_400_000);
    await test.batchStore.store([
      batch({ ...message(chat.id, 1), createdAt }, { ...message(chat.id, 2), ...content, createdAt, epoch: 3 }),
    ]);
    await test.database.prisma.$executeRaw`UPDATE messages SET reaction = 'newer' WHERE chat_id = ${chat.id}`;
    expect(contentOf((await rowsOf(chat.id))[1]!), "a field that this test does not fill").to.have.members([
      ...contentFields,
      "reaction",
    ]);
    return chat;
  }

  it("keeps the sender and the reply of a message that its author deletes, and no other content", async () => {
    const { id: chatId } = await fullChat();
    const before = (await rowsOf(chatId))[1]!;
    await createMessageChanges(test.database).remove({ chatId, number: 2 });
    const tombstone = (await rowsOf(chatId))[1]!;
    expect(contentOf(tombstone)).to.have.members(kept);
    expect(tombstone).to.include({ version: 2, epoch: 3 });
    for (const column of ["uid", "created_at", ...kept])
      expect(tombstone[column], column).to.deep.equal(before[column]);
  });

  it("keeps nothing that the sender wrote when the sender is erased or retention deletes it", async () => {
    const erased = await fullChat();
    await removeMessages(test.database, erased.id, [2], { forgetSender: true });
    const expired = await fullChat();
    await test.database.prisma.chat.update({ where: { id: expired.id }, data: { retentionDays: 1 } });
    await createRetention(test.database).expire(expired.id, new Date());
    for (const { id } of [erased, expired]) expect(contentOf((await rowsOf(id))[1]!)).to.deep.equal(["reply_to"]);
  });

  it("of a dropped dead letter has no content at all", async () => {
    const { id: chatId } = await test.newChat();
    const content = { sender: "anna", metadata: toJsonText({ a: 1 }), reply_to: 1 };
    await test.batchStore.store([batch({ ...message(chatId, 1, "x".repeat(65_536)), ...content })]);
    await test.deadLetters.remove((await test.deadLetters.findByNumber(chatId, 1))!.id);
    const [tombstone] = await rowsOf(chatId);
    expect(contentOf(tombstone!)).to.deep.equal([]);
  });
});
