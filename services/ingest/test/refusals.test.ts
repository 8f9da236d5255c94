import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { useForEach } from "@confab/testkit";
import { messageSchema, maxBodyBytes, type ProblemCode } from "@confab/contracts";
import { expect } from "chai";
import { messageOf, post, problemOf, send, useIngest, type Answer, type Chat } from "./start.ts";

describe("POST /messages refuses", () => {
  let next: number;
  const { world, ingest } = useIngest();
  const chat = useForEach(() => world.newChat());
  beforeEach(async () => {
    next = messageOf(await ingest.send(chat, "first")).number + 1;
  });
  // A refused request must not use up a number or leave anything behind.
  afterEach(async () => {
    expect(messageOf(await ingest.send(chat, "last")).number).to.equal(next);
    expect(Object.keys(await ingest.accepted(chat))).to.have.length(next);
    const { polluted } = {} as { polluted?: unknown };
    expect(polluted).to.equal(undefined);
  });

  const postRaw = (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    post(`${ingest.url}/messages`, body, headers);
  const valid = (): Record<string, unknown> => ({
    application_token: chat.token,
    chat_number: chat.number,
    body: "Hello",
  });
  const pointers = (answer: Answer): string[] =>
    (problemOf(answer, "validation-failed").errors ?? []).map(({ pointer }) => pointer);

  it("invalid JSON, and says where", async () => {
    for (const text of ["", "{", '{"body": }', "hello", `${JSON.stringify(valid())}}`, "{'a':1}", "\ufeff{}"]) {
      expect(problemOf(await postRaw(text), "malformed-json").detail, text).to.be.a("string");
    }
    expect(problemOf(await postRaw('{"body":\n "x",}'), "malformed-json").detail).to.include("line 2, column 6");
  });

  it("bytes that are not UTF-8", async () => {
    const text = JSON.stringify({ ...valid(), body: "@" });
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
      const [head = "", tail = ""] = text.split("@");
      const answer = await postRaw(Buffer.concat([Buffer.from(head), Buffer.from(bytes), Buffer.from(tail)]));
      problemOf(answer, "malformed-json");
    }
  });

  it("values of the wrong type, each with a pointer", async () => {
    expect(pointers(await postRaw({}))).to.deep.equal(["/application_token", "/chat_number", "/body"]);
    expect(pointers(await postRaw([valid()]))).to.deep.equal([""]);
    expect(pointers(await postRaw("null"))).to.deep.equal([""]);
    for (const body of [null, 1, true, ["a"], { toString: "x" }]) {
      expect(pointers(await postRaw({ ...valid(), body })), JSON.stringify(body)).to.deep.equal(["/body"]);
    }
    for (const chat_number of ["1", 0, -1, 1.5, null, [1], 2_147_483_648]) {
      expect(pointers(await postRaw({ ...valid(), chat_number }))).to.deep.equal(["/chat_number"]);
    }
    for (const application_token of ["", "x", 1, `${chat.token} `, [chat.token]]) {
      expect(pointers(await postRaw({ ...valid(), application_token }))).to.deep.equal(["/application_token"]);
    }
  });

  it("blank bodies, lone surrogates and bodies that are one byte too long", async () => {
    for (const body of ["", " ", "\n\t\u3000", "a\ud800", "\udc00b", "x".repeat(maxBodyBytes + 1)]) {
      expect(pointers(await postRaw({ ...valid(), body }))).to.deep.equal(["/body"]);
    }
    const umlauts = "ä".repeat((maxBodyBytes + 1) / 2);
    expect(pointers(await postRaw({ ...valid(), body: umlauts }))).to.deep.equal(["/body"]);
  });

  it("requests larger than any message, declared and streamed", async () => {
    problemOf(await postRaw({ ...valid(), body: "x".repeat(600 * 1024) }), "payload-too-large");
    const stream = new Blob([JSON.stringify({ ...valid(), body: "x".repeat(600 * 1024) })]).stream();
    const response = await fetch(`${ingest.url}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: stream,
      duplex: "half",
    });
    const answer = { status: response.status, headers: response.headers, text: await response.text() };
    problemOf(answer, "payload-too-large");
  });

  it("other media types, other charsets and compressed bodies", async () => {
    const text = JSON.stringify(valid());
    const types = [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/x-ndjson",
      "",
      "application/json; charset=latin1",
    ];
    for (const type of types) problemOf(await postRaw(text, { "content-type": type }), "unsupported-media-type");
    problemOf(await postRaw(gzipSync(text), { "content-encoding": "gzip" }), "unsupported-media-type");
  });

  it("unknown applications and unknown chats, with different problems", async () => {
    const refused = async (target: Partial<Chat>, code: ProblemCode): Promise<void> => {
      problemOf(await send(ingest.url, { ...chat, ...target }, "Hello"), code);
    };
    await refused({ token: randomUUID() }, "application-not-found");
    await refused({ number: chat.number + 1 }, "chat-not-found");
    await refused({ token: await world.newApplication() }, "chat-not-found");
  });

  it("other methods and other paths", async () => {
    for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
      const response = await fetch(`${ingest.url}/messages`, { method });
      const answer = { status: response.status, headers: response.headers, text: await response.text() };
      problemOf(answer, "method-not-allowed");
      expect(response.headers.get("allow")).to.equal("POST");
    }
    problemOf(await post(`${ingest.url}/message`, valid()), "route-not-found");
    problemOf(await post(`${ingest.url}/messages/1`, valid()), "route-not-found");
    for (const [path, right] of [
      ["/messages/", "/messages"],
      ["/MESSAGES", "/messages"],
      ["/messages/batch/", "/messages/batch"],
    ] as const) {
      expect(problemOf(await post(ingest.url + path, valid()), "route-not-found").detail).to.include(`Use ${right}.`);
    }
  });

  it("messages with unknown tokens, without adding them to the metrics of applications", async () => {
    const token = randomUUID();
    problemOf(await send(ingest.url, { ...chat, token }, "Hello"), "application-not-found");
    expect(await ingest.metrics.registry.metrics()).to.not.include(token.slice(0, 8));
  });

  it("an invalid Idempotency-Key", async () => {
    for (const key of ["a b", "k".repeat(256)]) {
      expect(pointers(await postRaw(valid(), { "idempotency-key": key }))).to.deep.equal(["Idempotency-Key"]);
    }
  });

  it("bodies that cost more to parse than their size suggests: deep nesting and many values", async () => {
    for (const extra of [
      `${"[".repeat(64)}${"]".repeat(64)}`,
      `[${"{},".repeat(5_000)}0]`,
      `[${"0,".repeat(10_000)}0]`,
    ]) {
      expect(pointers(await postRaw(JSON.stringify(valid()).replace("{", `{"extra":${extra},`)))).to.deep.equal([""]);
    }
  });

  it("no unknown fields of any depth or name, and assigns none of them", async () => {
    const deep = `${"[".repeat(63)}${"]".repeat(63)}`;
    const fields = `"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"deep":${deep},"number":99`;
    const answer = await postRaw(JSON.stringify(valid()).replace("{", `{${fields},`));
    const message = messageOf(answer);
    expect(message).to.have.all.keys(Object.keys(messageSchema.shape));
    expect(message.number).to.equal(next);
    expect(answer.headers.get("confab-ignored-fields")).to.equal("__proto__, constructor, deep, number");
    next += 1;
  });
});
