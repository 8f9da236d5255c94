import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { useForAll } from "@confab/testkit";
import { expect } from "chai";
import { useIngest } from "./start.ts";

const page = "https://chat.example.com";

interface Case {
  readonly head?: readonly string[];
  /** Names of headers that are left out of the usual head. */
  readonly without?: readonly string[];
  readonly body?: (valid: string) => string;
}

const cases: Readonly<Record<string, Case>> = {
  "a message": {},
  "a page of an allowed origin": { head: [`Origin: ${page}`] },
  "a page of a foreign origin": { head: ["Origin: https://evil.example"] },
  "an idempotency key": { head: ["Idempotency-Key: mine"] },
  "a bad idempotency key": { head: ["Idempotency-Key: a b"] },
  "two idempotency keys": { head: ["Idempotency-Key: a", "Idempotency-Key: b"] },
  "a bad request id": { head: ["X-Request-ID: a b"] },
  "a trace": { head: ["traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] },
  "a condition": { head: ["If-None-Match: *"] },
  "another method in a header": { head: ["X-HTTP-Method-Override: DELETE"] },
  "an unknown key": { head: [`Authorization: Bearer confab_${"x".repeat(8)}_${"y".repeat(43)}`] },
  "other credentials": { head: ["Authorization: Basic eDp4"] },
  "a second host": { head: ["Host: other"] },
  "a media type with a charset": { without: ["Content-Type"], head: ["Content-Type: application/json; charset=utf-8"] },
  "another media type": { without: ["Content-Type"], head: ["Content-Type: text/plain"] },
  "no media type": { without: ["Content-Type"] },
  "two media types": { head: ["Content-Type: text/plain"] },
  "an empty object": { body: () => "{}" },
  "an array": { body: () => "[]" },
  null: { body: () => "null" },
  "broken JSON": { body: () => '{"a":' },
  "two values": { body: (valid) => valid + valid },
  "white space around it": { body: (valid) => ` \n${valid}\r\n` },
  "a byte order mark": { body: (valid) => `\u{feff}${valid}` },
  "a repeated field": { body: (valid) => valid.replace(/}$/, ',"body":"e"}') },
  "a deep value": { body: (valid) => valid.replace(/}$/, `,"x":${"[".repeat(70)}${"]".repeat(70)}}`) },
  "many values": { body: (valid) => valid.replace(/}$/, `,"x":[${"1,".repeat(7_000)}1]}`) },
  "an unknown field": { body: (valid) => valid.replace(/}$/, ',"colour":1}') },
  "a prototype": { body: (valid) => valid.replace(/}$/, ',"__proto__":{"a":1}}') },
  "metadata that is a list": { body: (valid) => valid.replace(/}$/, ',"metadata":[]}') },
  "a lone surrogate": { body: (valid) => valid.replace('"d"', String.raw`"\ud800"`) },
  "a blank body": { body: (valid) => valid.replace('"d"', '" "') },
  "an unknown chat": { body: (valid) => valid.replace(/"chat_number":\d+/, '"chat_number":77777') },
  "a chat that is no number": { body: (valid) => valid.replace(/"chat_number":\d+/, '"chat_number":"1"') },
  "an unknown application": { body: (valid) => valid.replace(/[\da-f-]{36}/, "00000000-0000-4000-8000-000000000000") },
  "a reply to a number that is none": { body: (valid) => valid.replace(/}$/, ',"reply_to":0}') },
  "a body at the limit": { body: (valid) => valid.replace('"d"', `"${"d".repeat(16_384 - valid.length + 1)}"`) },
};

describe("requests past Express and through it", function () {
  this.timeout(20_000);
  const { world, ingest } = useIngest({ CORS_ORIGINS: page, ADMIN_API_KEY: "admin-key-for-tests" });
  const chat = useForAll(() => world.newChat());

  /**
   * Sends a request. Its body follows in the same write as the headers or, if `isLate`, after them. Returns the answer,
   * with the varying values blanked.
   */
  async function send(head: readonly string[], body: string, isLate: boolean) {
    const socket = connect(Number(new URL(ingest.url).port), "127.0.0.1").setNoDelay(true);
    let text = "";
    const answered = new Promise<void>((resolve) => {
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        const [top = "", content] = text.split("\r\n\r\n");
        const length = Number(/^content-length: (\d+)/im.exec(top)?.[1]);
        if (content !== undefined && Buffer.byteLength(content) >= length) resolve();
      });
    });
    const lines = [...head, `Content-Length: ${Buffer.byteLength(body)}`, "Connection: close", "", ""].join("\r\n");
    socket.write(isLate ? lines : lines + body);
    if (isLate) {
      await sleep(20);
      socket.write(body);
    }
    await answered;
    socket.destroy();
    const [top = "", content] = text.split("\r\n\r\n");
    const [status, ...headers] = top.split("\r\n");
    const varying = /^(date|x-request-id|location|ratelimit|content-length): .*$/i;
    return {
      status,
      headers: headers.map((line) => line.toLowerCase().replace(varying, "$1")).sort(),
      content: content?.replaceAll(/"(number|created_at|updated_at|request_id|trace_id)":("[^"]*"|\d+)/g, '"$1":0'),
    };
  }

  for (const [name, { head = [], without = [], body = (valid: string) => valid }] of Object.entries(cases)) {
    it(`have the same answer: ${name}`, async () => {
      const usual = ["Host: 127.0.0.1", "Content-Type: application/json"];
      const kept = usual.filter((line) => !without.some((header) => line.startsWith(header)));
      const lines = (way: string) =>
        ["POST /messages HTTP/1.1", ...kept, ...head].map((line) => line.replace(/(Key: \w+)$/, `$1-${way}`));
      const valid = JSON.stringify({ application_token: chat.token, chat_number: chat.number, body: "d" });
      const direct = await send(lines("one"), body(valid), false);
      expect(await send(lines("two"), body(valid), true)).to.deep.equal(direct);
      expect(direct.status).to.match(/^HTTP\/1\.1 \d{3} /);
    });
  }
});
