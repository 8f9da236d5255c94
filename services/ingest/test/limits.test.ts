import { useEnding, eventually, useForAll } from "@confab/testkit";
import type { BatchAnswer } from "@confab/contracts";
import { waitListKey } from "@confab/queue";
import { partitionOf } from "@confab/pending";
import { expect } from "chai";
import { messageOf, openWorld, post, problemOf, startIngest } from "./start.ts";

const endAfterTest = useEnding();

describe("ingest under load", () => {
  const world = useForAll(openWorld);

  it("answers 429 above an application's limit, and does not affect other applications", async () => {
    const ingest = endAfterTest(
      await startIngest(world, { APPLICATION_MESSAGE_RATE: "1", APPLICATION_MESSAGE_BURST: "3" }),
    );
    const [busy, quiet] = [await world.newChat(), await world.newChat()];
    for (const left of [2, 1, 0]) {
      const { headers } = await ingest.send(busy, "Hello");
      expect(headers.get("ratelimit-policy")).to.equal('"messages";q=3;w=3');
      expect(headers.get("ratelimit")).to.match(new RegExp(`^"messages";r=${left};t=\\d$`));
    }
    const refused = await ingest.send(busy, "one too many");
    problemOf(refused, "rate-limited");
    expect(refused.headers.get("ratelimit-policy")).to.equal('"messages";q=3;w=3');
    expect(refused.headers.get("ratelimit")).to.match(/^"messages";r=0;t=\d$/);
    const second = await world.newChat(busy.token);
    problemOf(await ingest.send(second, "the limit is the application's"), "rate-limited");
    expect(messageOf(await ingest.send(quiet, "Hello")).number).to.equal(1);

    expect(Object.values(await ingest.accepted(busy))).to.deep.equal(["Hello", "Hello", "Hello"]);
    const next = await eventually(async () => messageOf(await ingest.send(busy, "after a while")));
    expect(next.number).to.equal(4);
  });

  it("accepts the first items of a batch, as many as the limit allows", async () => {
    const ingest = endAfterTest(
      await startIngest(world, { APPLICATION_MESSAGE_RATE: "1", APPLICATION_MESSAGE_BURST: "2" }),
    );
    const chat = await world.newChat();
    const messages = ["one", "two", "three", "four"].map((body) => ({
      application_token: chat.token,
      chat_number: chat.number,
      body,
    }));
    const answer = await post(`${ingest.url}/messages/batch`, { messages });
    const { results } = JSON.parse(answer.text) as BatchAnswer;
    expect(results.map(({ status }) => status)).to.deep.equal([201, 201, 429, 429]);
    expect(await ingest.accepted(chat)).to.deep.equal({ 1: "one", 2: "two" });
  });

  it("has no limit if limits are off", async () => {
    const ingest = endAfterTest(
      await startIngest(world, {
        RATE_LIMITS: "off",
        APPLICATION_MESSAGE_RATE: "1",
        APPLICATION_MESSAGE_BURST: "1",
      }),
    );
    const chat = await world.newChat();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ingest.send(chat, "Hello")));
    for (const answer of answers) expect(messageOf(answer).number).to.be.within(1, 20);
    expect(answers[0]?.headers.has("ratelimit")).to.equal(false);
  });

  it("adds no job for refused messages", async () => {
    const ingest = endAfterTest(
      await startIngest(world, { APPLICATION_MESSAGE_RATE: "1", APPLICATION_MESSAGE_BURST: "1" }),
    );
    const chat = await world.newChat();
    messageOf(await ingest.send(chat, "Hello"));
    const waiting = waitListKey(ingest.config.partitioning.prefix, 0, "messages");
    await eventually(async () => expect(await ingest.redis.llen(waiting)).to.equal(1));
    const refused = Array.from({ length: 20 }, () => ingest.send(chat, "limited"));
    const unknown = Array.from({ length: 20 }, () => ingest.send({ ...chat, number: 999 }, "to nowhere"));
    for (const answer of await Promise.all(refused)) problemOf(answer, "rate-limited");
    for (const answer of await Promise.all(unknown)) problemOf(answer, "chat-not-found");
    expect(await ingest.redis.llen(waiting)).to.equal(1);
  });

  it("applies the limit of pending messages to the chat's partition", async () => {
    const ingest = endAfterTest(await startIngest(world, { PARTITIONS: "2", MAX_PENDING: "4" }));
    const { token } = await world.newChat();
    const chats = await Promise.all(Array.from({ length: 8 }, () => world.newChat(token)));
    const inPartition = (partition: number) =>
      chats.find(({ number }) => partitionOf(ingest.config.partitioning, token, number) === partition)!;
    for (let index = 0; index < 4; index++) messageOf(await ingest.send(inPartition(0), "Hello"));
    for (let index = 0; index < 3; index++) messageOf(await ingest.send(inPartition(1), "Hello"));
    // The pressure gauge is updated once per second.
    await eventually(() => expect(ingest.pressure.current().pending).to.equal(7));
    problemOf(await ingest.send(inPartition(0), "one too many"), "overloaded");
    messageOf(await ingest.send(inPartition(1), "Hello"));
  });

  it("answers 503 and accepts nothing while too many messages are pending, and recovers when they are stored", async () => {
    const ingest = endAfterTest(await startIngest(world, { MAX_PENDING: "3" }));
    const [chat, other] = [await world.newChat(), await world.newChat()];
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => ingest.send(chat, `message ${index}`)));
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused).to.have.length(7);
    for (const answer of refused) problemOf(answer, "overloaded");
    expect(Object.keys(await ingest.accepted(chat))).to.deep.equal(["1", "2", "3"]);

    const messages = [{ application_token: other.token, chat_number: other.number, body: "Hello" }];
    problemOf(await post(`${ingest.url}/messages/batch`, { messages }), "overloaded");
    expect(await ingest.accepted(other)).to.deep.equal({});

    // This has the same effect as a completion by the worker: the chat head stays, and the pending records are removed.
    const prefix = `${ingest.config.partitioning.prefix}:{p0}:`;
    await ingest.redis.multi().del(`${prefix}pending:${chat.token}:${chat.number}`).set(`${prefix}pending`, 0).exec();
    const next = await eventually(async () => messageOf(await ingest.send(chat, "after the queue")));
    expect(next.number).to.equal(4);
  });
});
