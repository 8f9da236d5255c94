import { expect } from "chai";
import { fromRecord, isTagOf, tagOf, toMessage } from "./representations.ts";

describe("a message as clients see it", () => {
  it("has the same fields whether it is pending or stored, and no internal ones", () => {
    const createdAt = new Date("2026-01-01T00:00:00.123Z");
    const record = { body: "Hello", createdAt, uid: Buffer.from("internal"), trace: "internal" };
    const unchanged = { version: 1, changeNumber: null, editedAt: null, deletedAt: null };
    const row = {
      id: 7n,
      chatId: 8n,
      number: 5,
      uid: record.uid,
      body: "Hello",
      ...unchanged,
      createdAt,
      updatedAt: createdAt,
    };
    const pending = toMessage("token", 3, fromRecord(5, record));
    expect(pending).to.deep.equal(toMessage("token", 3, row));
    expect(pending).to.deep.equal({
      application_token: "token",
      chat_number: 3,
      number: 5,
      body: "Hello",
      sender: null,
      metadata: null,
      reply_to: null,
      version: 1,
      change_number: null,
      created_at: "2026-01-01T00:00:00.123Z",
      updated_at: "2026-01-01T00:00:00.123Z",
      edited_at: null,
      deleted_at: null,
    });
  });

  it("has a tag of its own after each change, and after one that replaces a lost change", () => {
    const message = { uid: Buffer.from("one"), version: 2, changeNumber: 28_948_533_417_206 };
    const lost = { ...message, changeNumber: 28_948_533_417_205 };
    const tags = [{ ...message, version: 1, changeNumber: null }, message, lost].map(tagOf);
    expect(new Set(tags).size).to.equal(3);
    for (const tag of tags) {
      expect(isTagOf(tag, message)).to.equal(true);
      expect(isTagOf(tag, { uid: Buffer.from("other") })).to.equal(false);
    }
  });
});
