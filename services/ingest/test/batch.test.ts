import { randomUUID } from "node:crypto";
import { useForEach } from "@confab/testkit";
import { maxBatchItems, type BatchAnswer } from "@confab/contracts";
import { expect } from "chai";
import { messageOf, post, problemOf, useIngest, type Answer } from "./start.ts";

const problem = (code: string): string => `http://localhost:8080/problems/${code}`;

describe("POST /messages/batch", () => {
  const { world, ingest } = useIngest();
  const chat = useForEach(() => world.newChat());

  const item = (body: unknown, rest: Record<string, unknown> = {}): Record<string, unknown> => ({
    application_token: chat.token,
    chat_number: chat.number,
    body,
    ...rest,
  });
  const sendBatch = (messages: unknown): Promise<Answer> => post(`${ingest.url}/messages/batch`, { messages });
  const sendLines = (...lines: string[]): Promise<Answer> =>
    post(`${ingest.url}/messages/batch`, lines.join("\n"), { "content-type": "application/x-ndjson" });
  const resultOf = (answer: Answer): BatchAnswer => {
    expect(answer.status, answer.text).to.equal(200);
    return JSON.parse(answer.text) as BatchAnswer;
  };

  it("returns one result per item, numbered in the order of the items", async () => {
    const second = await world.newChat();
    const bodies = ["one", "two", "three", "four"];
    const messages = bodies.map((body, index) =>
      item(body, index % 2 === 0 ? {} : { application_token: second.token, chat_number: second.number }),
    );
    const { accepted, refused, results } = resultOf(await sendBatch(messages));
    expect([accepted, refused]).to.deep.equal([4, 0]);
    expect(
      results.map((result) => ("number" in result ? [result.status, result.number, result.body] : [])),
    ).to.deep.equal([
      [201, 1, "one"],
      [201, 1, "two"],
      [201, 2, "three"],
      [201, 2, "four"],
    ]);
    expect(await ingest.accepted(chat)).to.deep.equal({ 1: "one", 2: "three" });
    expect(await ingest.accepted(second)).to.deep.equal({ 1: "two", 2: "four" });
  });

  it("refuses an invalid item without a number, and accepts the others", async () => {
    const { accepted, refused, results } = resultOf(
      await sendBatch([
        item("one"),
        item(" "),
        null,
        item("x", { chat_number: 99 }),
        item("x", { application_token: randomUUID() }),
        item("x", { idempotency_key: "a b" }),
        item("two"),
      ]),
    );
    expect([accepted, refused]).to.deep.equal([2, 5]);
    expect(results.map(({ status }) => status)).to.deep.equal([201, 422, 422, 404, 404, 422, 201]);
    expect(results[1]).to.deep.equal({
      status: 422,
      type: problem("validation-failed"),
      code: "validation-failed",
      title: "Validation failed",
      detail: "/body must not be empty or only white space.",
      errors: [{ pointer: "/body", detail: "must not be empty or only white space" }],
    });
    expect(results[2]).to.have.nested.property("errors[0].pointer", "");
    expect(results[3]).to.include({ type: problem("chat-not-found") });
    expect(results[4]).to.include({ type: problem("application-not-found") });
    expect(await ingest.accepted(chat)).to.deep.equal({ 1: "one", 2: "two" });
  });

  it("keeps the original time of an item, which is part of what a repetition must have again", async () => {
    const created_at = "2024-01-31T10:30:00+01:00";
    const old = item("old", { created_at, idempotency_key: "old-1" });
    const { results } = resultOf(await sendBatch([old, item("new"), old, { ...old, created_at: undefined }]));
    const [first, second, again, changed] = results as { status: number; number: number; created_at: string }[];
    expect(first).to.include({ number: 1, created_at: "2024-01-31T09:30:00.000Z", updated_at: first!.created_at });
    expect(Date.now() - Date.parse(second!.created_at)).to.be.below(60_000);
    expect(again).to.deep.equal(first);
    expect(changed!.status, "another time").to.equal(409);
    const invalid = resultOf(await sendBatch([item("late", { created_at: "2100-01-01T00:00:00Z" })]));
    expect(invalid.results[0]).to.deep.include({
      status: 422,
      errors: [{ pointer: "/created_at", detail: "must not be in the future" }],
    });
    const alone = await post(`${ingest.url}/messages`, item("alone", { created_at }));
    expect(alone.headers.get("confab-ignored-fields"), "a single message is not imported").to.equal("created_at");
  });

  it("accepts NDJSON, and refuses only the lines that are not JSON", async () => {
    const lines = [JSON.stringify(item("one")), "{", "", JSON.stringify(item("two\n\0😀")), ""];
    const { results } = resultOf(await sendLines(...lines));
    expect(results.map(({ status }) => status)).to.deep.equal([201, 400, 201]);
    expect(results[1]).to.include({ code: "malformed-json", detail: "Line 2 ends in the middle of its JSON." });
    expect(await ingest.accepted(chat)).to.deep.equal({ 1: "one", 2: "two\n\0😀" });
  });

  it("accepts 1,000 items and refuses 1,001 completely, as JSON and as NDJSON", async () => {
    const many = Array.from({ length: maxBatchItems + 1 }, (_, index) => item(`message ${index + 1}`));
    problemOf(await sendBatch(many), "payload-too-large");
    problemOf(await sendLines(...many.map((one) => JSON.stringify(one))), "payload-too-large");
    expect(await ingest.accepted(chat)).to.deep.equal({});
    const { results } = resultOf(await sendBatch(many.slice(1)));
    expect(results.map((result) => ("number" in result ? result.number : undefined))).to.deep.equal(
      Array.from({ length: maxBatchItems }, (_, index) => index + 1),
    );
    const kept = await ingest.accepted(chat);
    expect([kept[1], kept[maxBatchItems]]).to.deep.equal(["message 2", `message ${maxBatchItems + 1}`]);
  });

  it("refuses an empty batch and invalid batches", async () => {
    problemOf(await sendBatch([]), "validation-failed");
    problemOf(await sendLines("", " "), "validation-failed");
    for (const messages of [undefined, null, {}, "x", 1]) problemOf(await sendBatch(messages), "validation-failed");
    problemOf(await post(`${ingest.url}/messages/batch`, "[]"), "validation-failed");
    problemOf(await post(`${ingest.url}/messages/batch`, "{"), "malformed-json");
    problemOf(
      await post(`${ingest.url}/messages/batch`, "x", { "content-type": "text/csv" }),
      "unsupported-media-type",
    );
  });

  it("refuses a batch of more than 8 MiB before it has read all of it", async () => {
    const huge = `{"messages":["${"x".repeat(9 * 1024 * 1024)}"]}`;
    problemOf(await post(`${ingest.url}/messages/batch`, huge), "payload-too-large");
  });

  const sendOnce = (messages: unknown, key: string): Promise<Answer> =>
    post(`${ingest.url}/messages/batch`, { messages }, { "idempotency-key": key });
  const isReplay = ({ headers }: Answer): boolean => headers.get("idempotent-replayed") === "true";

  it("accepts a repeated request once if it has an Idempotency-Key, as JSON and as NDJSON", async () => {
    const messages = [item("one"), item(" "), item("two"), item("one")];
    const first = await sendOnce(messages, "order-1");
    expect(resultOf(first).results.map(({ status }) => status)).to.deep.equal([201, 422, 201, 201]);
    const again = await sendOnce(messages, "order-1");
    expect(resultOf(again)).to.deep.equal(resultOf(first));
    expect([isReplay(first), isReplay(again)]).to.deep.equal([false, true]);

    const lines = messages.map((one) => JSON.stringify(one)).join("\n");
    const headers = { "content-type": "application/x-ndjson", "idempotency-key": "order-1" };
    expect(resultOf(await post(`${ingest.url}/messages/batch`, lines, headers))).to.deep.equal(resultOf(first));
    expect(await ingest.accepted(chat)).to.deep.equal({ 1: "one", 2: "two", 3: "one" });
  });

  it("refuses other bodies under the Idempotency-Key of a request, each in its position", async () => {
    resultOf(await sendOnce([item("one"), item("two")], "order-2"));
    const { results } = resultOf(await sendOnce([item("two"), item("two"), item("three")], "order-2"));
    expect(results.map(({ status }) => status)).to.deep.equal([409, 201, 201]);
    expect(await ingest.accepted(chat)).to.deep.equal({ 1: "one", 2: "two", 3: "three" });
  });

  it("prefers an item's own key, which never meets a derived one", async () => {
    const own = item("own", { idempotency_key: "a" });
    resultOf(await sendOnce([own, item("derived")], "key"));
    expect(isReplay(await sendBatch([own]))).to.equal(true);
    for (const idempotency_key of ["key", "key-1", "key/1", "key1"]) {
      expect(isReplay(await sendBatch([item("derived", { idempotency_key })]))).to.equal(false);
    }
    expect(isReplay(await sendBatch([own, item("new")])), "something new was accepted").to.equal(false);
  });

  it("names ignored fields, and says what is left of the limit where all items are of one application", async () => {
    const { headers } = await sendBatch([item("one", { user: "bob" }), item("two")]);
    expect(headers.get("confab-ignored-fields")).to.equal("user");
    expect(headers.get("ratelimit-policy")).to.equal('"messages";q=20000;w=4');
    expect(headers.get("ratelimit")).to.match(/^"messages";r=19998;t=\d+$/);
    const other = await world.newChat();
    const mixed = await sendBatch([item("one"), item("two", { application_token: other.token })]);
    expect(mixed.headers.get("ratelimit")).to.equal(null);
  });

  it("remembers each item's key, within the batch and when it is sent again", async () => {
    const messages = [
      item("one", { idempotency_key: "a" }),
      item("one", { idempotency_key: "a" }),
      item("other", { idempotency_key: "a" }),
      item("two", { idempotency_key: "b" }),
    ];
    const first = resultOf(await sendBatch(messages));
    expect(first.results.map((result) => ("number" in result ? result.number : result.status))).to.deep.equal([
      1, 1, 409, 2,
    ]);
    expect(resultOf(await sendBatch(messages))).to.deep.equal(first);
    expect(await ingest.accepted(chat)).to.deep.equal({ 1: "one", 2: "two" });
    expect(messageOf(await ingest.send(chat, "three")).number).to.equal(3);
  });
});
