import type { Chat } from "@confab/database";
import { createLogger } from "@confab/runtime";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { eventId } from "./frames.ts";
import { createEventPages, type EventPage } from "./pages.ts";
import { createCoalescedReads } from "./coalesced-reads.ts";
import { fromRecord } from "../representations.ts";
import type { ReadUpTo } from "../reading/continue-at.ts";
import type { MessagePage } from "../reading/read-messages.ts";

const chat = { id: 7n, number: 1 } as Chat;
const owner = { token: "token", user: undefined };
const logger = createLogger({ level: "info", service: "test" }, { write: () => undefined });

/** Returns reads of a chat that end when the test ends them. The messages of the chat have these numbers. */
function heldReads(
  numbers: readonly number[] = [],
  { atOnce = 100, pageSize = 100, continueAt = (at: ReadUpTo) => at } = {},
) {
  const ends: (() => void)[] = [];
  const after: number[] = [];
  const reads = createCoalescedReads({ atOnce });
  const createdAt = new Date(0);
  const pages = createEventPages({
    coalescedReads: reads,
    logger,
    readMessages: {
      readPage: (_chat, place) => {
        const number = "from" in place ? place.from - 1 : 0;
        after.push(number);
        const found = numbers.filter((each) => each > number);
        const items = found
          .slice(0, pageSize)
          .map((each) => fromRecord(each, { body: "Hello", uid: Buffer.alloc(16), createdAt }));
        const more = found.length > pageSize;
        const { promise, resolve } = Promise.withResolvers<MessagePage>();
        ends.push(() => {
          resolve({ items, more, known: { last: numbers.at(-1) ?? 0, head: undefined, isWhole: true } });
        });
        return promise;
      },
    },
    continueAt: (_chat, at) => Promise.resolve(continueAt(at)),
    changes: { after: () => Promise.resolve({ items: [], next: undefined }) },
  });
  const read = (number: number, change = 0, numbering = 0) =>
    pages.read(chat, { number, change, numbering }, { owner });
  /** Returns the ids of the events that a reader receives. */
  const idsOf = ({ frames, first }: EventPage) => frames.slice(first).map(({ at }) => eventId(at));
  return { ends, after, reads, read, idsOf };
}

describe("the pages of a stream", () => {
  it("are read once for all readers at the same position, and for those that ask shortly afterwards", async () => {
    const { ends, read, reads } = heldReads();
    const together = [read(5), read(5), read(600), read(5)];
    expect(ends).to.have.length(2);
    for (const end of ends) end();
    await Promise.all(together);
    await read(5);
    expect(ends).to.have.length(2);
    reads.forget(chat.id);
    void read(5);
    expect(ends, "a signal ends this").to.have.length(3);
  });

  it("are also for readers that are a little ahead, who get the rest", async () => {
    const { ends, after, read, idsOf } = heldReads([6, 7, 8, 9]);
    const readers = [5, 7, 9, 6].map((number) => read(number));
    expect(after).to.deep.equal([5]);
    ends[0]!();
    const pages = await Promise.all(readers);
    expect(pages.map(idsOf)).to.deep.equal([["6", "7", "8", "9"], ["8", "9"], [], ["7", "8", "9"]]);
    for (const { next, isEnd } of pages)
      expect({ next, isEnd }).to.deep.equal({ next: { number: 9, change: 0, numbering: 0 }, isEnd: true });
    void read(4);
    void read(6, 1);
    expect(after, "others are behind, or have other ids").to.deep.equal([5, 4, 6]);
  });

  it("are read again if they do not show what follows a position", async () => {
    for (const [numbers, position] of [
      // The page ends before the position, or it ends at the position although the chat has more messages.
      [[6, 7, 8, 9], 8],
      [[6, 7, 8, 9], 7],
      // The position is in a gap.
      [[6, 20, 21], 10],
      // The chat has nothing at the position.
      [[6, 7], 30],
    ] as const) {
      const { ends, after, read, idsOf } = heldReads(numbers, { pageSize: 2 });
      const [first, second] = [read(5), read(position)];
      ends[0]!();
      await first;
      await eventually(() => {
        expect(ends).to.have.length(2);
      });
      ends[1]!();
      expect(after).to.deep.equal([5, position]);
      expect(idsOf(await second)).to.deep.equal(idsOf(await heldRead(numbers, position)));
    }
  });

  it("are read again for a reader ahead whose numbers were lost and assigned again", async () => {
    // In the second numbering, the chat assigned the numbers from 7 again.
    const continueAt = ({ number }: ReadUpTo) => ({ number: Math.min(number, 6), numbering: 2 });
    const { ends, after, read, idsOf } = heldReads([6, 7, 8, 9], { continueAt });
    const readers = [read(5, 0, 1), read(8, 0, 1)];
    ends[0]!();
    expect(idsOf((await readers[0])!)).to.deep.equal(["6.2", "7.2", "8.2", "9.2"]);
    await eventually(() => {
      expect(after).to.deep.equal([5, 8]);
    });
    ends[1]!();
    const { frames } = (await readers[1])!;
    expect(frames.map(({ bytes }) => bytes.toString().split("\n")[1])).to.deep.equal(["event: reset"]);
  });

  it("are read a few at a time, the others in their order", async () => {
    const { ends, after, read } = heldReads([], { atOnce: 3 });
    const readers = [1_000, 2_000, 3_000, 4_000].map((number) => read(number));
    expect(after).to.deep.equal([1_000, 2_000]);
    ends[0]!();
    await readers[0];
    expect(after).to.deep.equal([1_000, 2_000, 3_000]);
    ends[1]!();
    ends[2]!();
    await eventually(() => {
      expect(after).to.deep.equal([1_000, 2_000, 3_000, 4_000]);
    });
    ends[3]!();
    await Promise.all(readers);
  });

  it("are kept in a limited number", async () => {
    const { ends, read } = heldReads();
    const many = Array.from({ length: 40 }, (_, at) => read(1_000 * at));
    for (const end of ends) end();
    await Promise.all(many);
    expect(ends).to.have.length(40);
    for (let at = 0; at < 40; at += 1) void read(1_000 * at);
    expect(ends, "16 of them are kept").to.have.length(64);
  });

  it("are not kept if they failed", async () => {
    let count = 0;
    const reads = createCoalescedReads();
    const fail = () =>
      reads.read({ chatId: 7n, what: "key", after: 0 }, () => Promise.reject(new Error(`failure ${(count += 1)}`)), {
        owner,
      });
    for (const expected of [1, 2]) {
      await fail().then(
        () => expect.fail("it was read"),
        (error: unknown) => expect(String(error)).to.include(`failure ${expected}`),
      );
    }
  });

  it("are read again for readers that ask after a signal, since the read under way may not show its cause", async () => {
    const { ends, reads, read } = heldReads();
    const early = read(5);
    reads.forget(chat.id);
    const late = read(5);
    expect(ends).to.have.length(2);
    for (const end of ends) end();
    await Promise.all([early, late]);
  });
});

/** Returns the page of a reader that shares its read with no other. */
function heldRead(numbers: readonly number[], position: number): Promise<EventPage> {
  const { ends, read } = heldReads(numbers, { pageSize: 2 });
  const page = read(position);
  ends[0]!();
  return page;
}
