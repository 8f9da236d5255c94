import { expect } from "chai";
import { describeStored } from "./stored-messages.ts";

type Message = Parameters<typeof describeStored>[1][number];

const message = (chat: number, number: number, requestId = `request-${chat}-${number}`, trace?: string): Message => ({
  token: "8c5f3a52-6f0e-4f3b-9c39-0d3b7f8d4a11",
  chat,
  chatId: BigInt(chat),
  number,
  epoch: undefined,
  record: 1,
  damaged: false,
  uid: Buffer.alloc(16),
  createdAt: new Date(0),
  requestId,
  body: "secret",
  bodyBytes: Buffer.from("secret"),
  trace,
});

describe("the log line of a transaction", () => {
  it("names ranges, batches and requests, and no message", () => {
    const messages = [
      message(1, 5, "a"),
      message(1, 6, "a"),
      message(2, 1, "b"),
      message(1, 7, "c"),
      message(1, 9, "c"),
    ];
    const line = describeStored([{ id: "one" }, { id: "two" }], messages);
    expect(line).to.deep.equal({
      messages: 5,
      batches: 2,
      requests: 3,
      batch_ids: ["one", "two"],
      ranges: [
        { application: "8c5f3a52", chat: 1, from: 5, to: 7 },
        { application: "8c5f3a52", chat: 2, from: 1, to: 1 },
        { application: "8c5f3a52", chat: 1, from: 9, to: 9 },
      ],
      request_ids: ["a", "b", "c"],
    });
  });

  it("is bounded, however many messages there are, and counts all of them", () => {
    const messages = Array.from({ length: 1000 }, (_, at) => message(at + 1, 1));
    const line = describeStored(
      messages.map((_, at) => ({ id: `batch-${at}` })),
      messages,
    );
    expect(line).to.include({ messages: 1000, batches: 1000, requests: 1000 });
    expect(JSON.stringify(line).length).to.be.lessThan(5_000);
  });

  it("names the traces that are recorded", () => {
    const traceId = "a".repeat(32);
    const line = describeStored([], [message(1, 1, "a", `00-${traceId}-${"b".repeat(16)}-01`), message(1, 2)]);
    expect(line.trace_ids).to.deep.equal([traceId]);
  });
});
