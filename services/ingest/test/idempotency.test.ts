import type { BatchAnswer } from "@confab/contracts";
import { createBacklog, withScripts } from "@confab/pending";
import { createUuid7 } from "@confab/runtime";
import { storePending } from "@confab/testkit/world";
import { expect } from "chai";
import fc from "fast-check";
import { messageOf, post, problemOf, startIngest, useIngest } from "./start.ts";

describe("Idempotency-Key on POST /messages", () => {
  const { world, ingest } = useIngest();
  const key = (text: string): Record<string, string> => ({ "idempotency-key": text });

  it("gives fifty concurrent requests the same number and answer", async () => {
    const chat = await world.newChat();
    const answers = await Promise.all(Array.from({ length: 50 }, () => ingest.send(chat, "Hello", key("once"))));
    const texts = new Set(answers.map((answer) => JSON.stringify(messageOf(answer))));
    expect(texts.size, [...texts].join("\n")).to.equal(1);
    expect(await ingest.accepted(chat)).to.deep.equal({ 1: "Hello" });
    expect(messageOf(await ingest.send(chat, "Hello")).number).to.equal(2);
  });

  it("gives a repeated request the first answer, including Location and time", async () => {
    const chat = await world.newChat();
    const first = await ingest.send(chat, "Hello", key("k"));
    messageOf(await ingest.send(chat, "in between"));
    const again = await ingest.send(chat, "Hello", key("k"));
    expect(again.text).to.equal(first.text);
    expect(again.headers.get("location")).to.equal(first.headers.get("location"));
    expect(first.headers.get("idempotent-replayed")).to.equal(null);
    expect(again.headers.get("idempotent-replayed")).to.equal("true");
  });

  it("refuses a different body with a used key, and still accepts the key's first request", async () => {
    const chat = await world.newChat();
    messageOf(await ingest.send(chat, "Hello", key("k")));
    problemOf(await ingest.send(chat, "Hello!", key("k")), "idempotency-conflict");
    expect(messageOf(await ingest.send(chat, "Hello", key("k"))).number).to.equal(1);
  });

  it("refuses a message without a sender whose body looks like the other fields and the body of the first one", async () => {
    const chat = await world.newChat();
    const of = { application_token: chat.token, chat_number: chat.number };
    const pairs: readonly [object, object][] = [
      [{ sender: "a", body: "hi" }, { body: '{"sender":"a"}\nhi' }],
      [{ body: "hi" }, { body: "\nhi" }],
    ];
    for (const [at, [first, second]] of pairs.entries()) {
      const send = (fields: object) => post(`${ingest.url}/messages`, { ...of, ...fields }, key(`pair-${at}`));
      const { number } = messageOf(await send(first));
      problemOf(await send(second), "idempotency-conflict");
      expect(messageOf(await send(first)).number).to.equal(number);
    }
  });

  it("distinguishes the keys of two chats, with any number of partitions", async () => {
    for (const PARTITIONS of ["1", "4"]) {
      const partitioned = await startIngest(world, {
        PARTITIONS,
        REDIS_KEY_PREFIX: `keys-${PARTITIONS}-${Date.now()}`,
      });
      const first = await world.newChat();
      const chats = [first, ...(await Promise.all(Array.from({ length: 5 }, () => world.newChat(first.token))))];
      for (const [at, chat] of chats.entries())
        expect(messageOf(await partitioned.send(chat, `Hello ${at}`, key("k"))).number).to.equal(1);
      for (const [at, chat] of chats.entries())
        expect(messageOf(await partitioned.send(chat, `Hello ${at}`, key("k"))).number).to.equal(1);
      await partitioned.stop();
    }
  });

  it("refuses new keys of an application that has used up its keys, except UUIDs of version 7", async () => {
    const limited = await startIngest(world, { MAX_IDEMPOTENCY_KEYS: "4", IDEMPOTENCY_TTL: "1h" });
    const [chat, other] = [await world.newChat(), await world.newChat()];
    for (const name of ["a", "b"]) messageOf(await limited.send(chat, "Hello", key(name)));
    const refused = await limited.send(chat, "Hello", key("c"));
    problemOf(refused, "idempotency-keys-used-up");
    expect(refused.status).to.equal(429);
    messageOf(await limited.send(chat, "without a key"));
    messageOf(await limited.send(chat, "Hello", key("a")));
    messageOf(await limited.send(other, "Hello", key("c")));
    for (let nth = 0; nth < 10; nth++) messageOf(await limited.send(chat, "Hello", key(createUuid7())));
    const metrics = await limited.metrics.registry.metrics();
    expect(metrics).to.match(/confab_messages_refused_total\{.*"idempotency-keys-used-up".*\} 1\n/);
    const used = new RegExp(`confab_top_application_keys_used_ratio{.*"${chat.token.slice(0, 8)}".*} (\\S+)`);
    expect(Number(used.exec(metrics)?.[1])).to.be.closeTo(1, 0.01);
    await limited.stop();
  });

  it("finds an old key in MySQL, in a batch request in the order of its items, and answers 503 while it may be pending", async () => {
    const chat = await world.newChat();
    const minutesAgo = (minutes: number) => createUuid7(Date.now() - 60_000 * minutes);
    const item = (body: string, idempotency_key?: string) => ({
      application_token: chat.token,
      chat_number: chat.number,
      body,
      ...(idempotency_key !== undefined && { idempotency_key }),
    });
    const send = async (...messages: unknown[]) => {
      const answer = await post(`${ingest.url}/messages/batch`, { messages });
      return (JSON.parse(answer.text) as BatchAnswer).results.map((each) =>
        "number" in each ? each.number : each.code,
      );
    };
    const [old, other] = [minutesAgo(20), minutesAgo(30)];
    expect(await send(item("one"), item("two", old), item("three"), item("four", other))).to.deep.equal([1, 2, 3, 4]);
    expect(await send(item("two", old), item("5"), item("else", other))).to.deep.equal([2, 5, "idempotency-conflict"]);

    // Simulates a later time: Redis has dropped the keys, like after five minutes, and the batches are older.
    const prefix = `${ingest.config.partitioning.prefix}:{p0}:`;
    await ingest.redis.del(await ingest.redis.keys(`${prefix}idem:${chat.token}:*`));
    for (const id of await ingest.redis.zrange(`${prefix}batches`, 0, "-1")) {
      await ingest.redis.zincrby(`${prefix}batches`, "-600000", id);
    }
    const open = await ingest.send(chat, "two", key(old));
    problemOf(open, "outcome-unknown");
    expect(Number(open.headers.get("retry-after"))).to.be.at.least(1);
    expect(await send(item("6"), item("two", old), item("7"))).to.deep.equal([6, "outcome-unknown", "outcome-unknown"]);

    const backlog = createBacklog(withScripts(ingest.redis), ingest.config.partitioning, 0);
    await storePending(world.database, backlog);
    expect(await send(item("two", old), item("7"), item("else", other))).to.deep.equal([2, 7, "idempotency-conflict"]);
    expect((await ingest.send(chat, "two", key(old))).headers.get("idempotent-replayed")).to.equal("true");
  });

  it("distinguishes the keys of two applications", async () => {
    const [one, two] = [await world.newChat(), await world.newChat()];
    expect(messageOf(await ingest.send(one, "Hello", key("k"))).application_token).to.equal(one.token);
    expect(messageOf(await ingest.send(two, "Good-bye", key("k"))).application_token).to.equal(two.token);
  });

  it("does not remember the key of a refused request", async () => {
    const chat = await world.newChat();
    problemOf(await ingest.send(chat, " ", key("k")), "validation-failed");
    problemOf(await ingest.send({ ...chat, number: 99 }, "Hello", key("k")), "chat-not-found");
    expect(messageOf(await ingest.send(chat, "Hello", key("k"))).number).to.equal(1);
  });

  it("treats a key in the header of a message and in an item of a batch alike", async () => {
    const chat = await world.newChat();
    const first = messageOf(await ingest.send(chat, "Hello", key("k")));
    const item = { application_token: chat.token, chat_number: chat.number, body: "Hello", idempotency_key: "k" };
    const answer = await post(`${ingest.url}/messages/batch`, { messages: [item, { ...item, body: "Other" }] });
    expect(JSON.parse(answer.text)).to.have.property("results").that.has.length(2);
    const { results } = JSON.parse(answer.text) as { results: Record<string, unknown>[] };
    expect(results[0]).to.deep.equal({ status: 201, ...first });
    expect(results[1]).to.include({ status: 409, type: "http://localhost:8080/problems/idempotency-conflict" });
  });

  it("stores the first body of each key once, with repetitions and conflicts in any order", async () => {
    const request = fc.record({ key: fc.constantFrom("a", "b", "c"), body: fc.constantFrom("x", "y") });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 12 }), async (requests) => {
        const chat = await world.newChat();
        const model = new Map<string, { body: string; number: number }>();
        for (const { key: name, body } of requests) {
          const answer = await ingest.send(chat, body, key(name));
          const first = model.get(name);
          if (first && first.body !== body) problemOf(answer, "idempotency-conflict");
          else expect(messageOf(answer).number).to.equal(first?.number ?? model.size + 1);
          if (!first) model.set(name, { body, number: model.size + 1 });
        }
        const expected = Object.fromEntries([...model.values()].map(({ body, number }) => [number, body]));
        expect(await ingest.accepted(chat)).to.deep.equal(expected);
      }),
      { numRuns: 25 },
    );
  });
});
