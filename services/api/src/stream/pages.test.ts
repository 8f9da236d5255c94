import type { Chat } from "@confab/database";
import { createLogger } from "@confab/runtime";
import { expect } from "chai";
import { createEventPages } from "./pages.ts";
import { createSharedReads } from "./shared-reads.ts";

const chat = { id: 7n, number: 1 } as Chat;
const logger = createLogger({ level: "info", service: "test" }, { write: () => undefined });

/** Reads that end when the test says so. */
function heldReads() {
  const ends: (() => void)[] = [];
  const reads = createSharedReads();
  const pages = createEventPages({
    reads,
    logger,
    readMessages: {
      list: () =>
        new Promise((resolve) =>
          ends.push(() => {
            resolve({ items: [], link: {} });
          }),
        ),
    },
    changes: { after: () => Promise.resolve({ items: [], next: undefined }) },
  });
  const read = (number: number) => pages.read("token", chat, { number, change: 0 });
  return { ends, reads, read };
}

describe("the pages of a stream", () => {
  it("are read once for all readers at the same position, and for those that ask shortly afterwards", async () => {
    const { ends, read, reads } = heldReads();
    const together = [read(5), read(5), read(6), read(5)];
    expect(ends).to.have.length(2);
    for (const end of ends) end();
    await Promise.all(together);
    await read(5);
    expect(ends).to.have.length(2);
    reads.forget(chat.id);
    void read(5);
    expect(ends, "a signal ends this").to.have.length(3);
  });

  it("are kept in a limited number", async () => {
    const { ends, read } = heldReads();
    const many = Array.from({ length: 40 }, (_, at) => read(at));
    for (const end of ends) end();
    await Promise.all(many);
    expect(ends).to.have.length(40);
    for (let at = 0; at < 40; at += 1) void read(at);
    expect(ends, "16 of them are kept").to.have.length(64);
  });

  it("are not kept if they failed", async () => {
    let count = 0;
    const reads = createSharedReads();
    const fail = () => reads.read(7n, "key", () => Promise.reject(new Error(`failure ${(count += 1)}`)));
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
