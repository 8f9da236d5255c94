import { JsonText, toJsonText } from "./json-text.ts";
import { expect } from "chai";
import fc from "fast-check";
import { bodyFault, maxBodyBytes } from "./message-body.ts";
import {
  contentBytes,
  contentFields,
  decodeContent,
  encodeOtherFields,
  maxContentBytes,
  type ReturnedContent,
} from "./message-content.ts";
import { batchItemSchema, createMessageSchema, idempotencyKeySchema } from "./message.ts";

const token = "2f0c8a9e-5d0b-4b52-9a63-0c6ab5c3b6f1";
const message = { application_token: token, chat_number: 1, body: "Hello" };
const limitFault = `must have at most ${maxBodyBytes} bytes of UTF-8`;

describe("created_at of a batch item", () => {
  const timeOf = (created_at: unknown) => batchItemSchema.safeParse({ ...message, created_at });

  it("is a real time from 1970 until now, in any zone", () => {
    const now = Date.now();
    for (const [text, ms] of [
      ["1970-01-01T00:00:00Z", 0],
      ["2024-02-29T12:00:00.0079Z", Date.UTC(2024, 1, 29, 12, 0, 0, 7)],
      ["2024-01-31T10:30:00+01:00", Date.UTC(2024, 0, 31, 9, 30)],
      [new Date(now + 30_000).toISOString(), now + 30_000],
    ] as const)
      expect(timeOf(text).data?.created_at?.getTime(), text).to.equal(ms);
    for (const absent of [undefined, null]) expect(timeOf(absent).success).to.equal(true);
  });

  it("is nothing else", () => {
    const bad = ["", "2024-01-31", "2024-01-31T09:30:00", "2023-02-29T00:00:00Z", "2024-01-31T24:00:00Z", "now"];
    const out = ["1969-12-31T23:59:59.999Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"];
    const late = new Date(Date.now() + 90_000).toISOString();
    for (const text of [...bad, ...out, late, 1706693400000, true, {}])
      expect(
        timeOf(text).error?.issues.map(({ path }) => path),
        JSON.stringify(text),
      ).to.deep.equal([["created_at"]]);
  });
});

describe("bodyFault", () => {
  it("measures bytes of UTF-8 whatever a character takes, and takes exactly 65,535", () => {
    const letters = fc.constantFrom("a", "\0", "\n", "é", "ش", "界", "\u{ffff}", "😀", "𝕏");
    fc.assert(
      fc.property(letters, fc.integer({ min: -3, max: 3 }), (letter, over) => {
        const size = Buffer.byteLength(letter);
        const body = letter.repeat(Math.floor(maxBodyBytes / size) - 5).concat("x");
        const padded = body.padEnd(body.length + maxBodyBytes - Buffer.byteLength(body) + over, "x");
        expect(Buffer.byteLength(padded)).to.equal(maxBodyBytes + over);
        expect(bodyFault(padded)).to.equal(over > 0 ? limitFault : undefined);
      }),
    );
  });

  it("refuses a lone surrogate wherever it stands, and takes pairs", () => {
    const lone = fc.integer({ min: 0xd800, max: 0xdfff }).map((unit) => String.fromCharCode(unit));
    const text = fc.string({ unit: "grapheme", maxLength: 20 });
    fc.assert(
      fc.property(text, lone, text, (before, surrogate, after) => {
        const fault = bodyFault(`x${before}${surrogate}${after}x`);
        expect(fault).to.equal("must be well-formed Unicode, without lone surrogates");
      }),
    );
    expect(bodyFault("\ud83d\ude00")).to.equal(undefined);
  });

  it("refuses what is empty or only white space of any script, and takes everything else that is well-formed", () => {
    const white = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r", "\v", "\f", "\u00a0", "\u2028", "\u3000") });
    fc.assert(
      fc.property(white, (blank) => {
        expect(bodyFault(blank)).to.equal("must not be empty or only white space");
        expect(bodyFault(`${blank}.${blank}`)).to.equal(undefined);
      }),
    );
    expect(bodyFault("\0"), "NUL is no white space").to.equal(undefined);
  });
});

describe("createMessageSchema", () => {
  it("keeps what it knows and drops what it does not, __proto__ among it", () => {
    const input: unknown = JSON.parse(
      `{ "extra": 1, "__proto__": { "admin": true }, ${JSON.stringify(message).slice(1)}`,
    );
    const parsed = createMessageSchema.parse(input);
    expect(parsed).to.deep.equal(message);
    expect(Object.getPrototypeOf(parsed)).to.equal(Object.prototype);
  });

  it("takes a token in capitals as the same token", () => {
    const parsed = createMessageSchema.parse({ ...message, application_token: token.toUpperCase() });
    expect(parsed.application_token).to.equal(token);
  });

  it("refuses chat numbers that are no whole number from 1 to MySQL's INT", () => {
    for (const chat_number of [0, -1, 1.5, 2_147_483_648, Number.NaN, "1", null, true, [1], { valueOf: 1 }]) {
      expect(createMessageSchema.safeParse({ ...message, chat_number }).success, String(chat_number)).to.equal(false);
    }
    expect(createMessageSchema.safeParse({ ...message, chat_number: 2_147_483_647 }).success).to.equal(true);
  });
});

describe("the optional fields of a message", () => {
  const faultOf = (fields: object): string | undefined =>
    createMessageSchema
      .safeParse({ ...message, ...fields })
      .error?.issues.map((issue) => `${issue.path.join("/")} ${issue.message}`)
      .join("; ");

  it("are kept as they are, and null is the same as absent", () => {
    const metadata = new JsonText(`{"z":1.0,"a":[true,null,{"deep":"é"}],"":"","a.b":1e400,"a":-0}`);
    const given = { sender: " 👩‍👩‍👧 ", metadata, reply_to: 2_147_483_647 };
    const parsed = createMessageSchema.parse({ ...message, ...given });
    expect(parsed).to.deep.include(given);
    const nothing = { sender: null, metadata: null, reply_to: null };
    expect(encodeOtherFields(createMessageSchema.parse({ ...message, ...nothing }))).to.equal("");
    expect(encodeOtherFields(createMessageSchema.parse(message))).to.equal("");
  });

  it("are refused with their names if they are invalid", () => {
    const cases: [fields: object, fault: string][] = [
      [{ sender: "" }, "sender must not be empty"],
      [{ sender: 1 }, "sender must be a string"],
      [{ sender: "\ud800" }, "sender must be well-formed Unicode, without lone surrogates"],
      [{ sender: "😀".repeat(257) }, "sender must have at most 256 characters"],
      [{ metadata: [] }, "metadata must be an object"],
      [{ metadata: {} }, "metadata must be an object"],
      [{ metadata: "{}" }, "metadata must be an object"],
      [{ metadata: toJsonText({ a: "x".repeat(4_089) }) }, "metadata must have at most 4 KiB as JSON"],
      [{ metadata: toJsonText({ a: "é".repeat(2_045) }) }, "metadata must have at most 4 KiB as JSON"],
      [{ metadata: toJsonText({ "\ud800": 1 }) }, "metadata must be well-formed Unicode, without lone surrogates"],
      [{ metadata: nested(33) }, "metadata must have at most 32 levels"],
      [{ reply_to: 0 }, "reply_to must be at least 1"],
      [{ reply_to: 1.5 }, "reply_to must be a whole number"],
    ];
    for (const [fields, fault] of cases) expect(faultOf(fields)).to.equal(fault);
    const allowed = [
      { sender: "😀".repeat(256) },
      { metadata: toJsonText({ a: "x".repeat(4_088) }) },
      { metadata: nested(32) },
    ];
    for (const fields of allowed) expect(faultOf(fields)).to.equal(undefined);
  });

  it("are kept each by itself, and decoded as they were", () => {
    const alone: Record<Exclude<keyof ReturnedContent, "body">, unknown> = {
      sender: "anna",
      metadata: toJsonText({ a: 1 }),
      reply_to: 7,
    };
    expect(Object.keys(alone)).to.have.members(contentFields.filter((field) => field !== "body"));
    for (const [field, value] of Object.entries(alone)) {
      const content = createMessageSchema.parse({ ...message, [field]: value });
      expect(decodeContent("x", encodeOtherFields(content)).content, field).to.deep.equal({
        body: "x",
        [field]: value,
      });
    }
  });

  it("never make a message larger than the limits of pages assume", () => {
    const content = {
      body: "x",
      sender: "\u0000".repeat(256),
      metadata: toJsonText({ a: "x".repeat(4_088) }),
      reply_to: 2_147_483_647,
    };
    expect(faultOf(content)).to.equal(undefined);
    expect(contentBytes({ ...content, body: "x".repeat(maxBodyBytes) })).to.be.at.most(maxContentBytes);
  });
});

/** Returns an object with this many levels. */
function nested(levels: number): JsonText {
  return new JsonText(`${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`);
}

describe("idempotencyKeySchema", () => {
  it("takes 1 to 255 visible ASCII characters and nothing else", () => {
    for (const key of ["a", "~!", "k".repeat(255)]) expect(idempotencyKeySchema.safeParse(key).success).to.equal(true);
    for (const key of ["", " ", "a b", "é", "a\n", "k".repeat(256), 1]) {
      expect(idempotencyKeySchema.safeParse(key).success, JSON.stringify(key)).to.equal(false);
    }
    expect(batchItemSchema.safeParse({ ...message, idempotency_key: "a b" }).success).to.equal(false);
  });
});
