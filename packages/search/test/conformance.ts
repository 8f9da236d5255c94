import { JsonText } from "@confab/contracts";
import { useForAll } from "@confab/testkit";
import { expect } from "chai";
import fc from "fast-check";
import { fold, InvalidCursor, InvalidQuery, queryProblem, queryTerms, type SearchPage } from "@confab/search";
import { describeSearchAcross } from "./across-conformance.ts";
import type { Backend } from "./backends.ts";
import { describeCounts } from "./counts-conformance.ts";
import { messageOf, messagesOf, newChat } from "./documents.ts";
import { failure } from "./failure.ts";
import { describeRelevance } from "./relevance-conformance.ts";
import { textCases } from "./texts.ts";

const asciiSigns = Array.from("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");

const numbers = ({ hits }: SearchPage) => hits.map(({ number }) => number);

// Generates letters that fold in all possible ways, in all orders, and any code points.
const letters = fc.constantFrom(
  ...Array.from('aeAE sS\n ßİıIéèΣσς ё اَـ שׁ कि को 京 ガカﾞｶ 각ᄀ ᅡᆨ 😀👩\u200D🇩🇪 \u0301\u0308\uFE0F\u200B*\\"%_'),
);
const texts = fc.oneof(
  fc.string({ unit: letters, minLength: 1, maxLength: 40 }),
  fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
);

/** Tests the promises of a search index, for all backends. */
export function describeSearchIndex(name: string, createBackend: () => Promise<Backend>): void {
  describe(name, () => {
    const backend = useForAll(createBackend);
    const find = async (chatId: bigint, q: string) => numbers(await backend.index.search({ chatId, q, limit: 100 }));

    before(() => backend.index.prepare());

    for (const { title, bodies, finds } of textCases) {
      it(title, async () => {
        const chatId = newChat();
        await backend.put(messagesOf(chatId, bodies));
        for (const [q, expected] of finds) expect(await find(chatId, q), q).to.deep.equal(expected);
      });
    }

    it("filters by the exact sender, with or without words", async () => {
      const chatId = newChat();
      const senders = [
        "anna",
        "Anna",
        "anna ",
        "änna",
        "a\u0308nna",
        "anna\u0000",
        undefined,
        "x".repeat(256),
        "😀".repeat(256),
      ];
      const documents = messagesOf(
        chatId,
        senders.map((_, at) => (at % 2 === 0 ? "even hello" : "odd hello")),
      );
      await backend.put(documents.map((document, at) => ({ ...document, sender: senders[at] })));
      const from = async (sender: string, q?: string) =>
        numbers(await backend.index.search({ chatId, sender, q, limit: 100 }));
      for (const [at, sender] of senders.entries()) {
        if (sender !== undefined) expect(await from(sender), sender).to.deep.equal([at + 1]);
      }
      expect(await from("nobody")).to.deep.equal([]);
      expect(await from("anna", "hello even")).to.deep.equal([1]);
      expect(await from("anna", "odd")).to.deep.equal([]);
      expect(await find(chatId, "anna"), "a sender is no text").to.deep.equal([]);
      const { hits } = await backend.index.search({ chatId, sender: "Anna", limit: 1 });
      expect(hits[0]?.highlights).to.deep.equal(["odd hello"]);
    });

    it("pages through the messages of a sender", async () => {
      const chatId = newChat();
      const documents = messagesOf(
        chatId,
        Array.from({ length: 45 }, (_, at) => `text ${at}`),
      );
      await backend.put(documents.map((document, at) => ({ ...document, sender: at % 3 === 0 ? "a" : "b" })));
      const found: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await backend.index.search({ chatId, sender: "a", limit: 4, cursor });
        found.push(...numbers(page));
        cursor = page.next;
      } while (cursor !== undefined);
      expect(found).to.deep.equal(Array.from({ length: 15 }, (_, at) => 43 - 3 * at));
    });

    it("returns every field of the content as it was sent", async () => {
      const chatId = newChat();
      const text = `{"z":1.0,"a":["é😀",null,{"":"","a.b":1e400}],"$":{"x":[[[[[]]]]]},"z":-0,"metadata":{}}`;
      const metadata = new JsonText(text);
      const content = { sender: "user-17", metadata, reply_to: 3 };
      await backend.put([{ ...messageOf(chatId, 4, "hello"), ...content }, messageOf(chatId, 5, "hello")]);
      const [bare, full] = (await backend.index.search({ chatId, q: "hello", limit: 10 })).hits;
      expect(full).to.deep.include(content);
      expect([bare?.sender, bare?.metadata, bare?.reply_to].map((value) => value ?? null)).to.deep.equal([
        null,
        null,
        null,
      ]);
    });

    it("treats every ASCII character literally", async () => {
      const chatId = newChat();
      await backend.put(messagesOf(chatId, [...asciiSigns.map((sign) => `a${sign}b`), "ab"]));
      for (const [at, sign] of asciiSigns.entries()) {
        expect(await find(chatId, sign), sign).to.deep.equal([at + 1]);
        expect(await find(chatId, `a${sign}b`), sign).to.deep.equal([at + 1]);
      }
    });

    it("finds a word anywhere in a body of 65,535 bytes", async () => {
      const chatId = newChat();
      const filler = "lorem ipsum dolor ".repeat(1820);
      const bodies = [`${filler}needle ${filler}`, "x".repeat(65_535), "é".repeat(32_767), "🎉".repeat(16_383)];
      await backend.put(messagesOf(chatId, bodies));
      expect(await find(chatId, "needle")).to.deep.equal([1]);
      expect(await find(chatId, "x".repeat(256))).to.deep.equal([2]);
      expect(await find(chatId, "e".repeat(200))).to.deep.equal([3]);
      expect(await find(chatId, "🎉".repeat(256))).to.deep.equal([4]);
      const { hits } = await backend.index.search({ chatId, q: "needle", limit: 1 });
      expect(hits[0]?.body).to.equal(bodies[0]);
      expect(hits[0]?.highlights).to.have.lengthOf(1);
      expect(hits[0]?.highlights[0]).to.match(/^….{40,90}<mark>needle<\/mark>.{40,90}…$/);
    });

    it("returns the message unchanged, with its times", async () => {
      const chatId = newChat();
      const message = messageOf(chatId, 41, "Ünï\u0308 \0 \r\n <b>code</b>\t ", 3);
      await backend.put([message]);
      const { hits, next } = await backend.index.search({ chatId, q: "CODE uni", limit: 10 });
      expect(next).to.equal(undefined);
      expect(hits.map((hit) => ({ ...hit, uid: undefined }))).to.deep.equal([
        {
          uid: undefined,
          number: 41,
          version: 3,
          changeNumber: 3,
          body: message.body,
          createdAt: message.createdAt,
          updatedAt: message.updatedAt,
          highlights: ["<mark>Ünï\u0308</mark> \0 \r\n &lt;b&gt;<mark>code</mark>&lt;/b&gt;\t "],
        },
      ]);
    });

    it("returns pages newest first, which new messages do not shift", async () => {
      const chatId = newChat();
      const bodies = (from: number, to: number) =>
        Array.from({ length: to - from + 1 }, (_, at) =>
          messageOf(chatId, from + at, (from + at) % 2 ? "odd" : "even"),
        );
      await backend.put(bodies(1, 700));
      const first = await backend.index.search({ chatId, q: "odd", limit: 200 });
      expect(numbers(first)).to.deep.equal(Array.from({ length: 200 }, (_, at) => 699 - 2 * at));
      await backend.put(bodies(701, 710));
      const second = await backend.index.search({ chatId, q: "odd", limit: 150, cursor: first.next });
      expect(numbers(second)).to.deep.equal(Array.from({ length: 150 }, (_, at) => 299 - 2 * at));
      expect(second.next).to.equal(undefined);
      const [last] = (await backend.index.search({ chatId, q: "odd", limit: 1 })).hits;
      expect(last?.number).to.equal(709);
    });

    it("returns all hits page by page without gaps or repeats", async () => {
      const chatId = newChat();
      await backend.put(Array.from({ length: 10 }, (_, at) => messageOf(chatId, at + 1, `message ${at}`)));
      for (const limit of [1, 3, 5, 10]) {
        const seen: number[] = [];
        let cursor: string | undefined;
        do {
          const page = await backend.index.search({ chatId, q: "message", limit, cursor });
          expect(page.hits.length).to.be.at.most(limit).and.at.least(1);
          seen.push(...numbers(page));
          cursor = page.next;
        } while (cursor !== undefined);
        expect(seen).to.deep.equal([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
      }
    });

    it("ends a page of long messages at 1 MiB, and the next page continues there", async () => {
      const chatId = newChat();
      await backend.put(messagesOf(chatId, Array<string>(40).fill(`long ${"x".repeat(65_000)}`)));
      const pages: number[][] = [];
      let cursor: string | undefined;
      do {
        const page = await backend.index.search({ chatId, q: "long", limit: 30, cursor });
        pages.push(numbers(page));
        cursor = page.next;
      } while (cursor !== undefined);
      expect(pages.map((page) => page.length)).to.deep.equal([16, 16, 8]);
      expect(pages.flat()).to.deep.equal(Array.from({ length: 40 }, (_, at) => 40 - at));
    });

    it("finds only messages of the chat", async () => {
      const [mine, theirs] = [newChat(), newChat()];
      await backend.put([messageOf(mine, 1, "secret mine"), messageOf(theirs, 2, "secret theirs")]);
      expect(await find(mine, "secret")).to.deep.equal([1]);
      expect(await find(theirs, "secret")).to.deep.equal([2]);
      expect(await find(newChat(), "secret")).to.deep.equal([]);
    });

    it("finds an edited message by its new text only, and ignores late and repeated writes", async () => {
      const chatId = newChat();
      await backend.put([messageOf(chatId, 1, "before")]);
      await backend.put([messageOf(chatId, 1, "after", 2)]);
      await backend.put([messageOf(chatId, 1, "before")]);
      await backend.put([messageOf(chatId, 1, "after", 2)]);
      expect(await find(chatId, "before")).to.deep.equal([]);
      expect(await find(chatId, "after")).to.deep.equal([1]);
    });

    it("does not find a deleted message, even after a late write of its text", async () => {
      const chatId = newChat();
      await backend.put([messageOf(chatId, 1, "removed"), messageOf(chatId, 2, "stays")]);
      await backend.put([messageOf(chatId, 1, null, 3), messageOf(chatId, 3, null, 2)]);
      await backend.put([messageOf(chatId, 1, "removed", 2), messageOf(chatId, 3, "removed")]);
      expect(await find(chatId, "o")).to.deep.equal([]);
      expect(await find(chatId, "s")).to.deep.equal([2]);
    });

    it("refuses invalid queries and cursors that it did not return", async () => {
      for (const q of ["", " \n\t", "\u0301", "x".repeat(257), "a b c d e f g h i j k l m n o p q"]) {
        expect(queryProblem(q), q).to.be.a("string");
        expect(await failure(backend.index.search({ chatId: 1n, q, limit: 1 })), q).to.be.instanceOf(InvalidQuery);
      }
      for (const cursor of ["", "x", "5", "YmVmb3JlOjA", "YmVmb3JlOjE=", "{}", "YmVmb3JlOi0x"]) {
        const error = await failure(backend.index.search({ chatId: 1n, q: "x", limit: 1, cursor }));
        expect(error, cursor).to.be.instanceOf(InvalidCursor);
      }
    });

    it("answers a ping", async () => {
      await backend.index.ping();
    });

    it("finds, for any texts and queries, exactly the messages that contain every folded word", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(texts, { minLength: 10, maxLength: 20 }),
          fc.array(texts, { minLength: 5, maxLength: 10 }),
          fc.nat(),
          async (bodies, queries, seed) => {
            const chatId = newChat();
            await backend.put(messagesOf(chatId, bodies));
            const slices = bodies.map((body, at) =>
              Array.from(body)
                .slice(seed % 3, (seed % 3) + 1 + ((seed + at) % 7))
                .join(""),
            );
            for (const q of [...queries, ...slices].filter((query) => queryProblem(query) === undefined)) {
              const expected = bodies.flatMap((body, at) => {
                return queryTerms(q).every((term) => fold(body).includes(term)) ? [at + 1] : [];
              });
              expect(await find(chatId, q)).to.deep.equal(expected.reverse());
            }
          },
        ),
        { numRuns: 25 },
      );
    }).timeout(60_000);

    describeSearchAcross("search", () => backend);
    describeRelevance("search by relevance", () => backend);
    describeCounts("search", () => backend);
  });
}
