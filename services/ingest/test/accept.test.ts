import { maxBodyBytes, type BatchAnswer } from "@confab/contracts";
import { waitListKey, createProducer } from "@confab/queue";
import { createBacklog, withScripts } from "@confab/pending";
import { useEnding, eventually } from "@confab/testkit";
import { expect } from "chai";
import { jsonOf, messageOf, post, problemOf, startIngest, useIngest, type Ingest } from "./start.ts";

const endAfterTest = useEnding();

describe("POST /messages", () => {
  const { world, ingest } = useIngest();

  it("numbers and keeps a message, wakes the worker, counts and logs", async () => {
    const chat = await world.newChat();
    const before = await count(ingest);
    const answer = await ingest.send(chat, "Hello world", { "x-request-id": "order-4711" });

    const { created_at, updated_at, ...message } = messageOf(answer);
    expect(message).to.deep.equal({
      application_token: chat.token,
      chat_number: chat.number,
      number: 1,
      body: "Hello world",
      sender: null,
      metadata: null,
      reply_to: null,
      version: 1,
      change_number: null,
      edited_at: null,
      deleted_at: null,
    });
    expect(updated_at).to.equal(created_at);
    expect(Date.now() - Date.parse(created_at)).to.be.within(0, 10_000);
    expect(answer.headers.get("location")).to.equal(`/applications/${chat.token}/chats/${chat.number}/messages/1`);
    expect(answer.headers.get("x-request-id")).to.equal("order-4711");

    expect(await ingest.accepted(chat)).to.deep.equal({ 1: "Hello world" });

    const { prefix } = ingest.config.partitioning;
    // The answer does not wait for the worker's wake-up, so the job may appear later.
    const job = await eventually(async () => {
      const [first] = await ingest.redis.lrange(waitListKey(prefix, 0, "messages"), 0, 0);
      return first ?? expect.fail("no job");
    });
    const batch = job.replace(/^b-/, "");
    const [chats, size] = await Promise.all([
      ingest.redis.hget(`${prefix}:{p0}:batch:${batch}`, "chats"),
      ingest.redis.strlen(`${prefix}:{p0}:records:${batch}`),
    ]);
    expect(chats?.replace(/ \d+( 1 1 0 )/, " [check sum]$1")).to.equal(
      `${chat.token} ${chat.number} ${chat.id} [check sum] 1 1 0 ${size}\n`,
    );

    await eventually(async () => {
      const now = await count(ingest);
      expect(now.accepted - before.accepted).to.equal(1);
      expect(now.created - before.created).to.equal(1);
      const line = ingest.lines.find(({ request_id }) => request_id === "order-4711");
      expect(line).to.include({ message: "request", level: "info", method: "POST", route: "/messages", status: 201 });
      expect(line).to.include({ application: chat.token.slice(0, 8), chat: chat.number });
    });
    const log = JSON.stringify(ingest.lines);
    expect(log).to.not.include("Hello world").and.not.include(chat.token);
  });

  it("lets batches share a job while many arrive, so that a sweep finds each one's job", async () => {
    const chat = await world.newChat();
    const own = endAfterTest(await startIngest(world));
    for (let turn = 0; turn < 20; turn++)
      await Promise.all(Array.from({ length: 10 }, (_, index) => own.send(chat, `message ${turn}.${index}`)));
    const backlog = createBacklog(withScripts(own.redis), own.config.partitioning, 0);
    const producer = await createProducer({ connection: own.redis, ...own.config.partitioning });
    await eventually(async () => {
      const ids = await backlog.overdue(0, { offset: 0, limit: 1000 });
      const batches = await backlog.wokenWith(ids);
      const jobs = await own.redis.llen(waitListKey(own.config.partitioning.prefix, 0, "messages"));
      expect(new Set(batches.map(({ wokenWith }) => wokenWith)).size)
        .to.equal(jobs)
        .and.to.be.lessThan(ids.length);
      expect(await producer.wakeForgotten(0, batches)).to.equal(0);
    });
    await producer.stop();
  });

  it("keeps and returns every body byte for byte", async () => {
    const chat = await world.newChat();
    const bodies = [
      "👩‍👩‍👧‍👦 family, é and é",
      "NUL \0 and bell \u0007",
      " leading, trailing and\r\nseveral\nlines \n",
      "\u2028\u2029\ufeff\uffff",
      '"quoted" \\ <b>&amp;</b> 1 record\n2 lines',
      "x".repeat(maxBodyBytes),
      "界".repeat(maxBodyBytes / 3),
    ];
    for (const [index, body] of bodies.entries()) {
      const message = messageOf(await ingest.send(chat, body));
      expect(message.number).to.equal(index + 1);
      expect(message.body === body, `body ${index + 1} is returned unchanged`).to.equal(true);
    }
    const kept = Object.values(await ingest.accepted(chat));
    expect(kept.every((body, index) => body === bodies[index]) && kept.length === bodies.length).to.equal(true);
  });

  it("accepts a body in which every byte is escaped", async () => {
    const chat = await world.newChat();
    const escaped = String.raw`\u0001`.repeat(maxBodyBytes);
    const text = `{"application_token":"${chat.token}","chat_number":${chat.number},"body":"${escaped}"}`;
    const { body } = messageOf(await post(`${ingest.url}/messages`, text));
    expect(body === "\u0001".repeat(maxBodyBytes)).to.equal(true);
  });

  it("returns and keeps the sender, the metadata and the number that a message replies to", async () => {
    const chat = await world.newChat();
    const request = { application_token: chat.token, chat_number: chat.number };
    const bare = messageOf(await ingest.send(chat, "first"));
    expect(bare).to.include({ sender: null, metadata: null, reply_to: null });
    const content = { body: "second", sender: "user-17", metadata: { z: 1, a: ["é\u0000"] }, reply_to: 1 };
    const answer = messageOf(await post(`${ingest.url}/messages`, { ...request, ...content }));
    expect(answer).to.deep.include({ number: 2, ...content });
    const items = [
      { body: "third", reply_to: 2 },
      { body: "fourth", reply_to: 3 },
      { body: "fifth", reply_to: 9 },
    ];
    const messages = items.map((item) => ({ ...request, ...item }));
    const { results } = jsonOf(await post(`${ingest.url}/messages/batch`, { messages })) as BatchAnswer;
    expect(results[1]).to.deep.include({ number: 4, reply_to: 3 });
    expect(results[2]).to.deep.include({
      status: 422,
      errors: [{ pointer: "/reply_to", detail: "must be the number of an earlier message of the chat" }],
    });
    const refused = await post(`${ingest.url}/messages`, { ...request, body: "x", reply_to: 5 });
    expect(problemOf(refused, "validation-failed").errors).to.have.length(1);
    expect(messageOf(await ingest.send(chat, "fifth")).number, "a refused reply takes no number").to.equal(5);
  });

  it("returns metadata as it was sent, without white space between tokens, from every way in", async () => {
    const chat = await world.newChat();
    const kept = String.raw`{"id":12345678901234567890,"id":-0,"x":[1e400,1.0,"\/ \u0041\n"],"__proto__":{}}`;
    const sent = kept.replaceAll(":", " : ").replaceAll(",", " ,\t");
    const item = (start: string): string =>
      `{${start}"metadata":${sent},"application_token":"${chat.token}","chat_number":${chat.number},"body":"x"}`;
    const [single, batch] = ["/messages", "/messages/batch"].map((path) => ingest.url + path) as [string, string];
    const large = `"other":"${"x".repeat(20_000)}",`;
    const answers = [
      await post(single, item(""), { "idempotency-key": "raw" }),
      await post(single, item(""), { "idempotency-key": "raw" }),
      await post(single, item(large)),
      await post(batch, `{"messages":[${item("")},${item(large)}]}`),
      await post(batch, `${item("")}\n${item(large)}\n`, { "content-type": "application/x-ndjson" }),
    ];
    const copies = answers.map(({ text }) => text.split(`"metadata":${kept},`).length - 1);
    expect(copies).to.deep.equal([1, 1, 1, 2, 2]);
    const lone = await post(single, item("").replace(sent, String.raw`{"a":"\ud800"}`));
    expect(problemOf(lone, "validation-failed").errors?.map(({ pointer }) => pointer)).to.deep.equal(["/metadata"]);
  });

  it("compares every field of a repeated request", async () => {
    const chat = await world.newChat();
    const request = { application_token: chat.token, chat_number: chat.number, body: "Hello" };
    const sendAs = (fields: object) =>
      post(`${ingest.url}/messages`, { ...request, ...fields }, { "idempotency-key": "k" });
    const first = await sendAs({ sender: "anna", metadata: { a: 1 } });
    expect((await sendAs({ metadata: { a: 1 }, sender: "anna", reply_to: null })).text).to.equal(first.text);
    for (const other of [
      {},
      { sender: "anna" },
      { sender: "ben", metadata: { a: 1 } },
      { sender: "anna", metadata: { a: 2 } },
    ]) {
      problemOf(await sendAs(other), "idempotency-conflict");
    }
  });

  it("accepts a token in upper case, JSON with a charset, and a request without an id", async () => {
    const chat = await world.newChat();
    const shouted = { ...chat, token: chat.token.toUpperCase() };
    const answer = await ingest.send(shouted, "Hello", { "content-type": "application/json; charset=UTF-8" });
    expect(messageOf(answer).application_token).to.equal(chat.token);
    expect(answer.headers.get("x-request-id")).to.match(/^[A-Za-z0-9]{12}$/);
    const insane = await ingest.send(chat, "Hello", { "x-request-id": "a b\tc" });
    expect(messageOf(insane).number).to.equal(2);
    expect(insane.headers.get("x-request-id")).to.match(/^[A-Za-z0-9]{12}$/);
  });

  it("reports how much of the application's limit is left", async () => {
    const chat = await world.newChat();
    const { headers } = await ingest.send(chat, "Hello");
    expect(headers.get("ratelimit-policy")).to.equal('"messages";q=20000;w=4');
    expect(headers.get("ratelimit")).to.match(/^"messages";r=19999;t=\d+$/);
  });

  it("numbers each chat separately, without gaps, in the order of arrival", async () => {
    const first = await world.newChat();
    const second = await world.newChat(first.token);
    for (const round of [1, 2, 3]) {
      for (const chat of [first, second]) {
        expect(messageOf(await ingest.send(chat, `round ${round}`)).number).to.equal(round);
      }
    }
    expect(await ingest.accepted(second)).to.deep.equal({ 1: "round 1", 2: "round 2", 3: "round 3" });
  });
});

async function count(ingest: Ingest): Promise<{ accepted: number; created: number }> {
  const text = await ingest.metrics.registry.metrics();
  const value = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  return {
    accepted: value(/^confab_messages_accepted_total(?:\{[^}]*\})? (\d+)$/m),
    created: value(/^http_requests_total\{[^}]*route="\/messages",status="201"[^}]*\} (\d+)$/m),
  };
}
