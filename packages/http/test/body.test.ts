import { useForEach } from "@confab/testkit";
import { expect } from "chai";
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { readJson } from "../src/index.ts";
import { bodyOf, connectRaw } from "./raw.ts";
import { problemOf, startApp } from "./start-app.ts";

const bodyLimit = 1_000;

describe("readJson", () => {
  const app = useForEach(() =>
    startApp((router) => {
      router.post("/echo", async (req, res) => {
        const value = await readJson(req, bodyLimit);
        const polluted = ({} as Record<string, unknown>).polluted ?? null;
        res.end(JSON.stringify({ value, polluted }));
      });
    }),
  );

  const post = (
    body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(`${app.url}/echo`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      ...(body instanceof ReadableStream && { duplex: "half" }),
    });
  const value = async (response: Response): Promise<unknown> => ((await response.json()) as { value: unknown }).value;

  it("reads JSON of any kind, in one chunk or in many", async () => {
    expect(await value(await post('{"a":[1,"é😀"]}'))).to.deep.equal({ a: [1, "é😀"] });
    expect(await value(await post("null"))).to.equal(null);
    const bytes = new TextEncoder().encode('{"text":"é😀"}');
    const pieces = ReadableStream.from(Array.from(bytes, (byte) => Uint8Array.of(byte)));
    expect(await value(await post(pieces))).to.deep.equal({ text: "é😀" });
  });

  it("accepts +json types, and UTF-8 as charset in any spelling", async () => {
    for (const type of [
      "application/merge-patch+json",
      'Application/JSON; Charset="UTF-8"',
      "application/json;charset=utf8",
    ]) {
      expect((await post("1", { "content-type": type })).status, type).to.equal(200);
    }
  });

  it("refuses other types, charsets and compressed bodies with 415", async () => {
    const types = [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json; charset=latin1",
      "application/jsonx",
    ];
    for (const type of types) {
      const { status, problem } = await problemOf(await post("1", { "content-type": type }));
      expect(status, type).to.equal(415);
      expect(problem.detail).to.be.a("string");
    }
    const compressed = await problemOf(await post(Uint8Array.from(gzipSync("1")), { "content-encoding": "gzip" }));
    expect(compressed.problem).to.include({
      status: 415,
      detail: "Compressed bodies are not supported. Send the body without Content-Encoding.",
    });
  });

  it("refuses an empty body with 400", async () => {
    expect((await problemOf(await post(""))).problem).to.include({
      status: 400,
      detail: "The body is empty. Send JSON.",
    });
  });

  it("says where a body is not valid JSON, without quoting it", async () => {
    const { status, problem } = await problemOf(await post('{\n  "body": secret\n}'));
    expect(status).to.equal(400);
    expect(problem).to.include({
      type: "https://chat.example/problems/malformed-json",
      detail: "Unexpected character in line 2, column 11.",
    });
    const { problem: cut } = await problemOf(await post('{"body": "sec'));
    expect(cut.detail).to.equal("The body ends in the middle of its JSON.");
    expect(JSON.stringify(app.lines)).not.to.include("sec");
  });

  it("refuses bytes that are not UTF-8 with 400", async () => {
    const { status, problem } = await problemOf(await post(Uint8Array.of(0x22, 0xc3, 0x28, 0x22)));
    expect(status).to.equal(400);
    expect(problem.detail).to.equal("The body is not valid UTF-8. Encode it as UTF-8.");
  });

  it("reads concurrent large bodies completely, although each waits for its turn", async () => {
    const large = await startApp((router) => {
      router.post("/length", async (req, res) => {
        res.end(String(JSON.stringify(await readJson(req, 1_000_000)).length));
      });
    });
    const text = `"${"a".repeat(400_000)}"`;
    const send = async (): Promise<string> =>
      (
        await fetch(`${large.url}/length`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: text,
        })
      ).text();
    const lengths = await Promise.all(Array.from({ length: 40 }, send));
    await large.stop();
    expect(new Set(lengths)).to.deep.equal(new Set([String(text.length)]));
  });

  it("accepts a body of exactly the limit", async () => {
    expect((await post(`"${"a".repeat(bodyLimit - 2)}"`)).status).to.equal(200);
  });

  it("refuses a declared length above the limit before the body arrives", async () => {
    const { socket, received, closed } = await connectRaw(app.port);
    const head = `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999999\r\n\r\n`;
    const began = performance.now();
    socket.write(head);
    while (!received().includes("payload-too-large")) await pause(5);
    expect(performance.now() - began).to.be.below(10_000);
    expect(bodyOf(received())).to.include({ status: 413 });
    expect(received()).to.match(/^connection: close\r$/im);
    await closed;
  });

  it("lets a client that is still sending read the 413", async () => {
    const { status, problem } = await problemOf(await post("a".repeat(3_000_000)));
    expect(status).to.equal(413);
    expect(problem.detail).to.equal(`The body has more than ${bodyLimit} bytes. Shorten it or split the request.`);
  });

  it("refuses a body of unknown length once it exceeds the limit, and closes a connection that keeps sending", async () => {
    const endless = request(`${app.url}/echo`, { method: "POST", headers: { "content-type": "application/json" } });
    endless.on("error", () => undefined);
    const answered = new Promise<number | undefined>((resolve) => {
      endless.on("response", (response) => {
        resolve(response.statusCode);
        response.resume();
      });
    });
    const closed = new Promise<void>((resolve) => endless.on("close", resolve));
    const sending = setInterval(() => endless.write("a".repeat(10_000)), 10);
    expect(await answered).to.equal(413);
    await closed;
    clearInterval(sending);
  });

  it("keeps the connection after a refused small body", async () => {
    const { socket, received } = await connectRaw(app.port);
    const refused =
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2000\r\n\r\n" + "a".repeat(2_000);
    const taken = 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n""';
    socket.write(refused + taken);
    while (!received().includes('{"value":""')) await pause(5);
    expect(received()).to.match(/^HTTP\/1\.1 415 /);
    socket.destroy();
  });

  it("sends no answer and logs no error when the client disconnects while it is sending", async () => {
    const { socket } = await connectRaw(app.port);
    socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a"');
    await pause(50);
    socket.destroy();
    while (app.requests().length === 0) await pause(5);
    expect(app.requests()[0]).to.include({ status: 499 });
    expect(app.lines.filter((line) => line.level === "error" || line.level === "warn")).to.deep.equal([]);
  });

  it("reads __proto__ as an ordinary key, without changing a prototype", async () => {
    const answer = await (
      await post('{"__proto__":{"polluted":true},"a":{"constructor":{"prototype":{"polluted":1}}}}')
    ).text();
    expect(answer).to.equal(
      '{"value":{"__proto__":{"polluted":true},"a":{"constructor":{"prototype":{"polluted":1}}}},"polluted":null}',
    );
  });
});
