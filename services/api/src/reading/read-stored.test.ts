import { maxPageBytes, ProblemError } from "@confab/contracts";
import type { RangeQuery } from "@confab/database";
import { expect } from "chai";
import { readStored, type StoredMessages } from "./read-stored.ts";
import type { Walk } from "./walk.ts";

const chat = { token: "b7f6e6a0-0000-4000-8000-000000000000", number: 1, id: 7n };
const createdAt = new Date("2026-01-01T00:00:00Z");

/** Returns stored messages that answer like MySQL, for a chat with these numbers. */
function messagesOf(stored: readonly number[], deadLettered: readonly number[] = [], bytes = 10): StoredMessages {
  const within = (numbers: readonly number[], { from = 1, to = Infinity, order, limit }: RangeQuery): number[] => {
    const found = numbers.filter((number) => number >= from && number <= to).sort((a, b) => a - b);
    return (order === "asc" ? found : found.toReversed()).slice(0, limit);
  };
  const body = "x".repeat(bytes);
  return {
    sizes: (_chatId, walk) => Promise.resolve(within(stored, walk).map((number) => ({ number, bytes }))),
    range: (chatId, walk) =>
      Promise.resolve(
        within(stored, walk).map((number) => ({
          chatId,
          number,
          uid: new Uint8Array(16),
          body,
          version: 1,
          sender: null,
          metadata: null,
          reply_to: null,
          changeNumber: null,
          createdAt,
          updatedAt: createdAt,
          editedAt: null,
          deletedAt: null,
        })),
      ),
    deadLettered: ({ from, to }, { order, limit }) => Promise.resolve(within(deadLettered, { from, to, order, limit })),
  };
}

async function read(messages: StoredMessages, walk: Partial<Walk> = {}) {
  const { items, more } = await readStored(messages, chat, { from: 1, to: 6, order: "asc", limit: 10, ...walk });
  return { numbers: items.map(({ number }) => number), more };
}

describe("reading a chat without Redis", () => {
  it("shows an unbroken chat in both orders, up to the limit", async () => {
    const messages = messagesOf([1, 2, 3, 4, 5, 6]);
    expect(await read(messages)).to.deep.equal({ numbers: [1, 2, 3, 4, 5, 6], more: false });
    expect(await read(messages, { limit: 4 })).to.deep.equal({ numbers: [1, 2, 3, 4], more: true });
    expect(await read(messages, { order: "desc", limit: 4 })).to.deep.equal({ numbers: [6, 5, 4, 3], more: true });
    expect(await read(messages, { from: 7 })).to.deep.equal({ numbers: [], more: false });
  });

  it("ends an ascending page before a gap, and the reader continues there later", async () => {
    expect(await read(messagesOf([1, 2, 4, 5, 6]))).to.deep.equal({ numbers: [1, 2], more: false });
    expect(await read(messagesOf([2, 3])), "the first is missing").to.deep.equal({ numbers: [], more: false });
    expect(await read(messagesOf([1, 2, 3])), "the last are missing").to.deep.equal({
      numbers: [1, 2, 3],
      more: false,
    });
  });

  it("ends a descending page before a gap, and says that there is more", async () => {
    const desc = { order: "desc" } as const;
    expect(await read(messagesOf([1, 2, 4, 5, 6]), desc)).to.deep.equal({ numbers: [6, 5, 4], more: true });
    expect(await read(messagesOf([2, 3, 4, 5, 6]), desc)).to.deep.equal({ numbers: [6, 5, 4, 3, 2], more: true });
  });

  it("refuses a descending page that would begin with a gap", async () => {
    const error: unknown = await read(messagesOf([1, 2, 3]), { order: "desc" }).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ProblemError).with.property("code", "service-unavailable");
  });

  it("passes over the dead letters in a gap, and stops where one of its numbers is none", async () => {
    for (const order of ["asc", "desc"] as const) {
      const { numbers } = await read(messagesOf([1, 2, 5, 6], [3, 4]), { order });
      expect(
        numbers.toSorted((a, b) => a - b),
        order,
      ).to.deep.equal([1, 2, 5, 6]);
    }
    expect(await read(messagesOf([1, 2, 5, 6], [3]))).to.deep.equal({ numbers: [1, 2], more: false });
    expect(await read(messagesOf([3, 4], [1, 2, 5, 6]))).to.deep.equal({ numbers: [3, 4], more: false });
  });

  it("shows no more bodies than fit on a page", async () => {
    const { numbers, more } = await read(messagesOf([1, 2, 3, 4, 5, 6], [], maxPageBytes / 2 - 1));
    expect({ numbers, more }).to.deep.equal({ numbers: [1, 2], more: true });
  });
});
