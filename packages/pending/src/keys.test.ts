import { crc32 } from "node:zlib";
import { expect } from "chai";
import fc from "fast-check";
import { messageUid, createBatchId } from "./batch-id.ts";
import { keyPrefix, nameHash, partitionOf } from "./keys.ts";
import { decodeRecord, createRecordEncoder, UnknownRecordFormat } from "./pending-record.ts";

/** A batch id whose bytes are all 1. */
const ones = Buffer.alloc(16, 1).toString("base64url");
const name = nameHash("token", 7);

describe("keys, ids and records", () => {
  it("spread chats over partitions, and give a chat always the same one", () => {
    const partitioning = { prefix: "confab", partitions: 4 };
    const counts = [0, 0, 0, 0];
    for (let chat = 1; chat <= 4000; chat++) counts[partitionOf(partitioning, "token", chat)]!++;
    for (const count of counts) expect(count).to.be.within(800, 1200);
    expect(partitionOf(partitioning, "token", 7)).to.equal(partitionOf(partitioning, "token", 7));
    expect(keyPrefix(partitioning, 3)).to.equal("confab:{p3}:");
  });

  it("give every message of every batch a different id", () => {
    const [one, two] = [createBatchId(1000), createBatchId(1000)];
    const ids = [0, 1, 65_535].flatMap((position) => [messageUid(one, position), messageUid(two, position)]);
    expect(new Set(ids.map((id) => id.toString("hex"))).size).to.equal(6);
  });

  it("preserve a record's body and fields, with and without a trace", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        fc.date({ min: new Date(0), max: new Date(2 ** 48 - 1), noInvalidDate: true }),
        fc.option(fc.constant("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), { nil: undefined }),
        (body, createdAt, trace) => {
          const batch = createBatchId(createdAt.getTime());
          const id = batch.toString("base64url");
          const another = createBatchId(1).toString("base64url");
          const expected = { uid: messageUid(batch, 300), createdAt, bodyBytes: Buffer.from(body) };
          const fields = { requestId: "request-1", body, ...(trace !== undefined && { trace }) };
          for (const digest of [undefined, "AQEBAQEBAQEBAQEB"]) {
            const record = createRecordEncoder(id)(name, 300, fields, digest);
            expect(decodeRecord(id, name, record)).to.deep.equal({ ...expected, ...fields });
            const moved = record.replace(" 300 ", ` ${id}/300 `);
            expect(decodeRecord(another, name, moved), "in another batch").to.deep.equal({ ...expected, ...fields });
            expect(decodeRecord(another, name, record), "not of this batch").to.equal(undefined);
            expect(decodeRecord(id, nameHash("token", 8), record), "not of this chat").to.equal(undefined);
          }
        },
      ),
    );
  });

  it("preserve the original time of an imported message, with a key and fields or without", () => {
    const acceptedAt = new Date(0x010101010101);
    for (const createdAt of [new Date(0), new Date("2024-01-31T09:30:00.007Z")]) {
      for (const fields of [{}, { sender: "anna b", reply_to: 1 }]) {
        for (const key of [undefined, `${acceptedAt.getTime()}.AQEBAQEBAQEB.AQEBAQEBAQEB`]) {
          const message = { requestId: "request-1", body: "1706693400007 the body", ...fields };
          const decoded = decodeRecord(ones, name, createRecordEncoder(ones)(name, 7, { ...message, createdAt }, key));
          expect(decoded).to.deep.include({ ...message, createdAt });
          // By its own time the key of an old message would be too far ahead.
          expect(decoded?.key === undefined, "its key").to.equal(key === undefined);
        }
      }
    }
  });

  it("name the fields of a record that this version does not know, and return the others", () => {
    const content = '7 request-1 - - {"sender":"anna","from_the_future":"a b","metadata":{"a":1}}\nthe body';
    const record = `1 ${(crc32(`${ones}/${content}`) ^ name) >>> 0} ${content}`;
    const decoded = decodeRecord(ones, name, record);
    expect(decoded).to.deep.include({ body: "the body", sender: "anna", unknownFields: ["from_the_future"] });
    expect(decoded?.metadata).to.have.property("text", '{"a":1}');
    expect(decoded).to.not.have.property("from_the_future");
  });

  it("detect every flipped bit in a record", () => {
    const record = Buffer.from(createRecordEncoder(ones)(name, 5, { requestId: "request-1", body: "the body" }));
    for (let bit = 0; bit < record.length * 8; bit++) {
      const flipped = Buffer.from(record);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeRecord(ones, name, flipped.toString()), `bit ${bit}`).to.equal(undefined);
    }
  });

  it("encode and decode a record of an untraced request in the documented format", () => {
    const record = "1 3393815571 7 request-1\nthe body";
    expect(createRecordEncoder(ones)(name, 7, { requestId: "request-1", body: "the body" })).to.equal(record);
    expect(decodeRecord(ones, name, record)).to.deep.equal({
      uid: Buffer.from("01010101010101010101010101010007", "hex"),
      createdAt: new Date(0x010101010101),
      requestId: "request-1",
      bodyBytes: Buffer.from("the body"),
      body: "the body",
    });
  });

  it("refuse a record in a later format, and call everything else damaged", () => {
    const content = "7 of-the-future\nthe body";
    const later = `2 ${(crc32(`2 ${ones}/${content}`) ^ name) >>> 0} ${content}`;
    expect(() => decodeRecord(ones, name, later)).to.throw(UnknownRecordFormat, "unknown format");
    for (const record of ["", "1", "1 ", "2 x 1 r\nbody", "no line end", later.replace("2", "3")])
      expect(decodeRecord(ones, name, record), record).to.equal(undefined);
  });
});
