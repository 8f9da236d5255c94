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
  const read = (number: number) => pages.read("token", chat, { number, change: 0 }, logger);
  return { ends, reads, read };
}

describe("the pages of a stream", () => {
  it("are read once for all readers at the same position, and again for later ones", async () => {
    const { ends, read } = heldReads();
    const together = [read(5), read(5), read(6), read(5)];
    expect(ends).to.have.length(2);
    for (const end of ends) end();
    await Promise.all(together);
    void read(5);
    expect(ends).to.have.length(3);
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
