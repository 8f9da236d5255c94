import { ProblemError, maxBatchItems } from "@confab/contracts";
import { expect } from "chai";
import fc from "fast-check";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { z } from "zod";
import { readBatch } from "../src/batch.ts";
import { readJson } from "../src/body.ts";

const limitBytes = 4_096;
const form = {
  noteItem: () => undefined,
  noteFrame: () => undefined,
  item: z.unknown(),
  limitBytes,
  itemLimitBytes: limitBytes,
};

/** Returns a request that has the fields that body readers use and whose body arrives in the given chunks. */
function requestOf(body: Uint8Array, cuts: readonly number[], contentType: string): IncomingMessage {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (body.length + 1)), body.length])].sort((a, b) => a - b);
  const chunks = places.slice(1).map((end, index) => Buffer.from(body.subarray(places[index], end)));
  return Object.assign(Readable.from(chunks, { objectMode: false }), {
    headers: { "content-type": contentType },
  }) as unknown as IncomingMessage;
}

/**
 * Returns the value that a body reader resolves to, or the code of the problem that it throws. Any other error fails
 * the test.
 */
async function outcomeOf(reading: Promise<unknown>): Promise<{ value: unknown } | { code: string }> {
  try {
    return { value: await reading };
  } catch (error) {
    expect(error).to.be.instanceOf(ProblemError);
    return { code: (error as ProblemError).code };
  }
}

/** Parses the whole body with JSON.parse, without chunks. */
function parseWhole(bytes: Uint8Array): { value: unknown } | { code: string } {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) };
  } catch {
    return { code: "malformed-json" };
  }
}

/**
 * Generates JSON in unusual forms: white space, escapes, repeated and escaped keys, and `messages` in right and wrong
 * positions.
 */
const key = fc.constantFrom('"messages"', '"m\\u0065ssages"', '"a"', '"__proto__"', '"\\"messages"', '""');
const blank = fc.constantFrom("", "", " ", "\n", "\t\r\n ");
const { json } = fc.letrec<{ json: string; array: string; object: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(
      fc.constantFrom("0", "-1.5e3", "true", "null", '"[,]"', '"\\\\"', '"\\""', '"😀é"', '"{"'),
      fc.string({ unit: "grapheme" }).map((text) => JSON.stringify(text)),
    ),
    tie("array"),
    tie("object"),
  ),
  array: fc
    .tuple(
      blank,
      fc.array(
        fc.tuple(blank, tie("json"), blank).map((parts) => parts.join("")),
        { maxLength: 4 },
      ),
    )
    .map(([space, items]) => `[${items.length === 0 ? space : items.join(",")}]`),
  object: fc
    .array(fc.tuple(blank, key, blank, blank, tie("json"), blank), { maxLength: 4 })
    .map((members) => `{${members.map(([a, name, b, c, value, d]) => `${a}${name}${b}:${c}${value}${d}`).join(",")}}`),
}));
const batch = fc
  .tuple(blank, fc.array(json, { maxLength: 5 }), key, json, fc.boolean())
  .map(([space, items, other, value, first]) => {
    const messages = `${space}"messages"${space}:[${items.join(",")}]`;
    const member = `${other}:${value}`;
    return `{${(first ? [messages, member] : [member, messages]).join(",")}}`;
  });
/** Generates a text with a few bytes removed, added or changed. */
const broken = (text: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      text,
      fc.array(
        fc.tuple(fc.nat(), fc.constantFrom(...Buffer.from('[]{},:"\\0 \n\0'), 0xff, 0xc3), fc.constantFrom(0, 1)),
        {
          maxLength: 3,
        },
      ),
    )
    .map(([whole, changes]) => {
      const bytes = [...Buffer.from(whole)];
      for (const [at, byte, removed] of changes) bytes.splice(at % (bytes.length + 1), removed, byte);
      return Uint8Array.from(bytes);
    });
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  json.map((text) => Buffer.from(text)),
  batch.map((text) => Buffer.from(text)),
  broken(json),
  broken(batch),
);
const cuts = fc.array(fc.nat(), { maxLength: 12 });
const runs = { numRuns: 2_000 };

describe("readers of bodies, with any bytes in any chunks", () => {
  it("accept the same JSON as JSON.parse, with the same value", async () => {
    await fc.assert(
      fc.asyncProperty(bodies, cuts, async (body, places) => {
        const read = await outcomeOf(readJson(requestOf(body, places, "application/json"), limitBytes));
        expect(read).to.deep.equal(body.length > limitBytes ? { code: "payload-too-large" } : parseWhole(body));
      }),
      runs,
    );
  });

  it("accept the same batches as JSON.parse, with the same messages", async () => {
    await fc.assert(
      fc.asyncProperty(bodies, cuts, async (body, places) => {
        const read = await outcomeOf(readBatch(requestOf(body, places, "application/json"), form));
        const whole = parseWhole(body);
        if (body.length > limitBytes) expect(read).to.deep.equal({ code: "payload-too-large" });
        else if ("code" in whole || "code" in read) expect(read).to.deep.equal(whole);
        else expect(messagesOf(read.value)).to.deep.equal(messagesOf(whole.value));
      }),
      runs,
    );
  });

  it("accept the same lines of NDJSON as JSON.parse, with the same values", async () => {
    const lines = fc.array(fc.oneof(json, fc.constantFrom("", " ", "\r", "{", '"\n"')), { maxLength: 8 });
    const text = lines.map((all) => all.join("\n"));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      text.map((whole) => Buffer.from(whole)),
      broken(text),
    );
    await fc.assert(
      fc.asyncProperty(bytes, cuts, async (body, places) => {
        const read = await outcomeOf(readBatch(requestOf(body, places, "application/x-ndjson"), form));
        if (body.length > limitBytes) {
          expect(read).to.deep.equal({ code: "payload-too-large" });
          return;
        }
        const { messages } = (read as { value: { messages: unknown[] } }).value;
        const expected = splitLines(body).map(parseWhole);
        expect(messages).to.have.length(expected.length);
        messages.forEach((message, at) => {
          const whole = expected[at]!;
          const given = message instanceof ProblemError ? { code: message.code } : { value: message };
          expect(given).to.deep.equal(whole);
        });
      }),
      runs,
    );
  });

  it("accept 1,000 messages and refuse 1,001, wherever the chunks end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -2, max: 2 }), cuts, async (more, places) => {
        const count = maxBatchItems + more;
        const expected = count <= maxBatchItems ? count : "payload-too-large";
        for (const [text, type] of [
          [`{"messages":[${"1,".repeat(count - 1)}1]}`, "application/json"],
          ["1\n".repeat(count), "application/x-ndjson"],
        ] as const) {
          const read = await outcomeOf(readBatch(requestOf(Buffer.from(text), places, type), form));
          expect("code" in read ? read.code : messagesOf(read.value)).to.deep.equal(
            typeof expected === "string" ? expected : Array.from({ length: expected }, () => 1),
          );
        }
      }),
      { numRuns: 50 },
    );
  });
});

/** Returns the part of the body that the schema of a batch request validates. */
function messagesOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "no object";
  const messages = (value as { messages?: unknown }).messages;
  return Array.isArray(messages) ? messages : "no messages";
}

function splitLines(body: Uint8Array): Uint8Array[] {
  const lines = Buffer.from(body).toString("latin1").split("\n");
  return lines.filter((line) => !/^[ \t\r]*$/.test(line)).map((line) => Buffer.from(line, "latin1"));
}
