import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createBatchSchema, createMessageSchema } from "@confab/contracts";
import { bodiesOf, writeRequests } from "./messages.ts";

const token = "2f0c8a9e-5d0b-4b52-9a63-0c6ab5c3b6f1";

async function requestsOf(chats: number, perRequest?: number): Promise<unknown[]> {
  const folder = await mkdtemp(join(tmpdir(), "confab-requests-"));
  try {
    await writeRequests(join(folder, "requests"), { token, chats }, perRequest);
    const text = await readFile(join(folder, "requests"), "utf8");
    return text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("the requests of the load", () => {
  it("go to the chats in turn, with texts of 80 to 100 bytes that only this chat gets", async () => {
    const messages = (await requestsOf(100)).map((request) => createMessageSchema.parse(request));
    expect(messages.slice(0, 101).map((message) => message.chat_number)).to.deep.equal([
      ...Array.from({ length: 100 }, (_, at) => at + 1),
      1,
    ]);
    for (const { body, chat_number } of messages) {
      expect(Buffer.byteLength(body)).to.be.within(80, 100);
      expect(bodiesOf(chat_number)).to.contain(body);
    }
    expect(new Set(messages.map(({ body }) => body))).to.have.property("size", 1_000);
  });

  it("can be batches, over which each message is sent equally often", async () => {
    const batches = (await requestsOf(4, 10)).map((request) => createBatchSchema.parse(request).messages);
    expect(batches.map(({ length }) => length)).to.deep.equal(Array.from({ length: 40 }, () => 10));
    const counts = Object.values(Object.groupBy(batches.flat(), (message) => JSON.stringify(message)));
    expect(counts.map((same) => same?.length)).to.deep.equal(Array.from({ length: 40 }, () => 10));
  });
});
