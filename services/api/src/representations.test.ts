import { expect } from "chai";
import { fromRecord, toMessage } from "./representations.ts";

describe("a message as clients see it", () => {
  it("has the same fields whether it is pending or stored, and no internal ones", () => {
    const createdAt = new Date("2026-01-01T00:00:00.123Z");
    const record = { body: "Hello", createdAt, uid: "internal", trace: "internal" };
    const row = { id: 7n, chatId: 8n, number: 5, body: "Hello", createdAt, updatedAt: createdAt };
    const pending = toMessage("token", 3, fromRecord(5, record));
    expect(pending).to.deep.equal(toMessage("token", 3, row));
    expect(pending).to.deep.equal({
      application_token: "token",
      chat_number: 3,
      number: 5,
      body: "Hello",
      created_at: "2026-01-01T00:00:00.123Z",
      updated_at: "2026-01-01T00:00:00.123Z",
    });
  });
});
