import { createLogger } from "@confab/runtime";
import { expect } from "chai";
import { createBeginStream } from "./begin-stream.ts";

const logger = createLogger({ level: "info", service: "test" }, { write: () => undefined });

describe("the beginning of a stream", () => {
  const chat = { id: 7n, token: "token", number: 1 };
  const stored = { ...chat, lastMessageNumber: 6, lastChangeNumber: 2, lastNumbering: 1 };

  async function beginning(head: { last: number; numbering: number; since: number } | undefined) {
    const begin = createBeginStream({
      applications: { find: () => Promise.resolve(undefined) },
      lookups: { find: () => Promise.resolve(stored as never), head: () => Promise.resolve(head) },
    });
    const [start] = await begin(
      "token",
      [1],
      () => undefined,
      () => logger,
    );
    return start!.position;
  }

  it("is the last number that Redis assigned, even if MySQL has a higher one from before a loss", async () => {
    expect(await beginning({ last: 8, numbering: 1, since: 1 })).to.deep.equal({ number: 8, change: 2, numbering: 1 });
    expect(await beginning({ last: 4, numbering: 2, since: 4 })).to.deep.equal({ number: 4, change: 2, numbering: 2 });
  });

  it("is the last stored number if Redis does not know the chat", async () => {
    expect(await beginning(undefined)).to.deep.equal({ number: 6, change: 2, numbering: 1 });
  });
});
