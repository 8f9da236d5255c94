import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { messageSchema } from "@confab/contracts";
import { eventually, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { z } from "zod";
import { problemOf, readAs, startApi, useApi, type Answer } from "./start.ts";

describe("a list of messages that waits", function () {
  this.timeout(60_000);
  let path: string;
  const { world, api } = useApi();
  const chat = useForEach(() => world.newChat());
  beforeEach(() => {
    path = `/applications/${chat.token}/chats/${chat.number}/messages`;
  });

  const bodies = (answer: Answer) => readAs(z.array(messageSchema), answer).map(({ body }) => body);
  const areWaiting = (count: number, from = api) => eventually(() => expect(from.waits.count()).to.equal(count));

  it("answers at once if there is something, with the answer of the list", async () => {
    await world.accept(chat, "one", "two", "three");
    const [plain, waiting] = [
      await api.get(`${path}?after=1&limit=1`),
      await api.get(`${path}?after=1&limit=1&wait=30`),
    ];
    expect(waiting.text).to.equal(plain.text);
    expect(waiting.headers.get("link"), "only the next page may wait").to.equal(
      plain.headers.get("link")?.replace("after=2", "after=2&wait=30"),
    );
  });

  it("answers when a message is accepted, for all that wait", async () => {
    await world.accept(chat, "one");
    const waiting = Array.from({ length: 20 }, (_, at) => api.get(`${path}?after=1&wait=${30 - (at % 2)}`));
    await areWaiting(20);
    await world.accept(chat, "two");
    for (const answer of await Promise.all(waiting)) expect(bodies(answer)).to.deep.equal(["two"]);
    expect(api.waits.count()).to.equal(0);
  });

  it("misses no message, whenever it is accepted", async () => {
    let last = 0;
    const seen: (string | null)[] = [];
    const sent = Array.from({ length: 60 }, (_, at) => `message ${at}`);
    const reading = (async () => {
      while (seen.length < sent.length) {
        const page = readAs(z.array(messageSchema), await api.get(`${path}?after=${last}&wait=30`));
        seen.push(...page.map(({ body }) => body));
        last = page.at(-1)?.number ?? last;
      }
    })();
    for (const [at, body] of sent.entries()) {
      await world.accept(chat, body);
      if (at % 3 === 0) await sleep(at % 7);
    }
    await reading;
    expect(seen).to.deep.equal(sent);
  });

  it("answers an empty page at the end, and is not counted as slow", async () => {
    const answer = await api.get(`${path}?after=0&wait=1`);
    expect(bodies(answer)).to.deep.equal([]);
    const text = await api.metrics.registry.metrics();
    expect(text).to.match(/^http_requests_in_flight(\{[^}]*\})? 0$/m);
    expect(text).not.to.match(/^http_request_duration_seconds_bucket\{[^}]*le="1"[^}]*\} 0/m);
  });

  it("holds no place of other lists while it waits for its turn to read", async () => {
    const other = await world.newChat(chat.token);
    for (const each of [chat, other]) await world.accept(each, "one", "two");
    const read = api.pending.read.bind(api.pending);
    const held = Promise.withResolvers<undefined>();
    api.pending.read = async (...args) => {
      if (args[0].number === chat.number) await held.promise;
      return read(...args);
    };
    try {
      // Starts as many different reads as may run at the same time, and some more that wait for their turn.
      const waiting = Array.from({ length: 12 }, (_, at) => api.get(`${path}?after=0&limit=${at + 1}&wait=20`));
      await areWaiting(12);
      const list = await api.get(`/applications/${chat.token}/chats/${other.number}/messages`);
      expect(list.status, list.text).to.equal(200);
      held.resolve(undefined);
      for (const { status, text } of await Promise.all(waiting)) expect(status, text).to.equal(200);
    } finally {
      api.pending.read = read;
      held.resolve(undefined);
    }
  });

  it("ends with its client", async () => {
    const leaving = new AbortController();
    const request = fetch(`${api.url}${path}?after=0&wait=30`, { signal: leaving.signal }).catch(() => undefined);
    await areWaiting(1);
    leaving.abort();
    await request;
    await areWaiting(0);
  });

  it("ends with an empty page when the process stops", async () => {
    const stopping = await startApi(world);
    const waiting = stopping.get(`${path}?after=0&wait=30`);
    await areWaiting(1, stopping);
    const [answer] = await Promise.all([waiting, stopping.stop()]);
    expect(bodies(answer)).to.deep.equal([]);
  });

  it("uses a connection that serves other requests afterwards", async () => {
    const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
    let text = "";
    socket.on("data", (bytes) => (text += bytes.toString()));
    const ask = `GET ${path}?after=0&wait=1 HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    for (let count = 1; count <= 2; count += 1) {
      socket.write(ask);
      await eventually(() => expect(text.match(/HTTP\/1\.1 200/g)).to.have.length(count));
    }
    socket.destroy();
  });

  it("refuses a wait without a position", async () => {
    for (const [query, sentence] of [
      ["wait=5", "requires after"],
      ["after=0&wait=31", "at most 30"],
      ["after=0&wait=0", "at least 1"],
      ["after=0&before=9&wait=5", "cannot be combined"],
      ["after=0&order=desc&wait=5", "cannot be combined"],
    ] as const) {
      const { errors } = problemOf(await api.get(`${path}?${query}`), "validation-failed");
      expect(errors?.map(({ pointer }) => pointer)).to.deep.equal(["?wait"]);
      expect(errors?.[0]?.detail).to.include(sentence);
    }
    problemOf(await api.get(`/applications/${chat.token}/chats/99/messages?after=0&wait=1`), "chat-not-found");
  });
});
