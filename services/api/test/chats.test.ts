import { randomUUID } from "node:crypto";
import { applicationSchema, chatSchema } from "@confab/contracts";
import { expect } from "chai";
import { z } from "zod";
import { follow, jsonOf, linksOf, problemOf, readAs, useApi } from "./start.ts";

describe("/applications/{token}/chats", () => {
  let token: string;
  let path: string;
  const { world, api } = useApi();
  beforeEach(async () => {
    token = await world.newApplication();
    path = `/applications/${token}/chats`;
  });

  it("creates a chat without a body, with a name and with a null name", async () => {
    const answer = await api.send("POST", path);
    const chat = readAs(chatSchema, answer, 201);
    expect(chat).to.include({ application_token: token, number: 1, name: null, messages_count: 0 });
    expect(answer.headers.get("location")).to.equal(`${path}/1`);
    expect(jsonOf(await api.get(`${path}/1`))).to.deep.equal(chat);
    expect(readAs(chatSchema, await api.send("POST", path, { name: "Team" }), 201)).to.include({
      number: 2,
      name: "Team",
    });
    expect(readAs(chatSchema, await api.send("POST", path, { name: null, number: 9 }), 201)).to.include({ number: 3 });
    expect(readAs(applicationSchema, await api.get(`/applications/${token}`))).to.include({ chats_count: 3 });
  });

  it("numbers fifty concurrently created chats from 1 to 50", async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => api.send("POST", path, { name: `chat ${index}` })),
    );
    const chats = answers.map((answer) => readAs(chatSchema, answer, 201));
    const numbers = chats.map(({ number }) => number).sort((a, b) => a - b);
    expect(numbers).to.deep.equal(Array.from({ length: 50 }, (_, index) => index + 1));
    for (const [index, chat] of chats.entries()) expect(chat.name).to.equal(`chat ${index}`);
    const { pages } = await follow(chatSchema, api, path, "next");
    expect(pages.flat()).to.deep.equal(chats.toSorted((a, b) => a.number - b.number));
  });

  it("keeps metadata as it was sent, and changes only the fields that a request names", async () => {
    const metadata = { z: 1, a: { topic: "é" } };
    const created = readAs(chatSchema, await api.send("POST", path, { name: "Team", metadata }), 201);
    expect(created).to.deep.include({ name: "Team", metadata, last_message_number: 0, last_message_at: null });
    expect(JSON.stringify(created.metadata)).to.equal(JSON.stringify(metadata));
    const change = async (body: unknown) => readAs(chatSchema, await api.send("PATCH", `${path}/1`, body));
    expect(await change({ name: "Crew" })).to.deep.include({ name: "Crew", metadata });
    expect(await change({ metadata: { b: 2 } })).to.deep.include({ name: "Crew", metadata: { b: 2 } });
    expect(await change({ metadata: null })).to.deep.include({ name: "Crew", metadata: null });
    expect(await change({ name: null, metadata })).to.deep.include({ name: null, metadata });
    expect(jsonOf(await api.get(`${path}/1`))).to.deep.include({ name: null, metadata });
    problemOf(await api.send("PATCH", `${path}/1`, {}), "validation-failed");
    for (const bad of [[], "x", { a: "x".repeat(16_384) }]) {
      const { errors } = problemOf(await api.send("POST", path, { metadata: bad }), "validation-failed");
      expect(errors?.map(({ pointer }) => pointer)).to.deep.equal(["/metadata"]);
    }
    const headers = { "idempotency-key": "with-metadata" };
    readAs(chatSchema, await api.send("POST", path, { metadata }, headers), 201);
    problemOf(await api.send("POST", path, { metadata: { z: 2 } }, headers), "idempotency-conflict");
  });

  it("are listed by activity, the chat with the latest message first", async () => {
    const chats = await Promise.all(Array.from({ length: 7 }, () => world.newChat(token)));
    chats.sort((a, b) => a.number - b.number);
    for (const at of [2, 5, 0, 5]) {
      await world.accept(chats[at]!, "Hello");
      await world.store();
    }
    const { pages } = await follow(chatSchema, api, `${path}?order=activity&limit=2`, "next");
    expect(pages.map((page) => page.length)).to.deep.equal([2, 2, 2, 1]);
    expect(pages.flat().map(({ number }) => number)).to.deep.equal([6, 1, 3, 7, 5, 4, 2]);
    expect(pages[0]![0]).to.include({ last_message_number: 2, messages_count: 2 });
    expect(pages[0]![0]!.last_message_at).to.match(/^\d{4}-.*Z$/);
    for (const [query, pointer] of [
      ["order=activity&after=1", "?order"],
      ["order=activity&before=3", "?order"],
      ["order=newest", "?order"],
      ["cursor=none-1", "?cursor"],
      ["order=activity&cursor=none-0", "?cursor"],
      ["order=activity&cursor=x", "?cursor"],
    ]) {
      const { errors } = problemOf(await api.get(`${path}?${query}`), "validation-failed");
      expect(
        errors?.map((error) => error.pointer),
        query,
      ).to.deep.equal([pointer]);
    }
    problemOf(await api.get(`/applications/${randomUUID()}/chats?order=activity`), "application-not-found");
  });

  it("uses no number for a refused creation", async () => {
    problemOf(await api.send("POST", path, { name: "" }), "validation-failed");
    problemOf(await api.send("POST", path, "{"), "malformed-json");
    problemOf(await api.send("POST", path, "name=x", { "content-type": "text/plain" }), "unsupported-media-type");
    expect(readAs(chatSchema, await api.send("POST", path), 201).number).to.equal(1);
  });

  it("creates one chat per key and application", async () => {
    const headers = { "idempotency-key": "k" };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => api.send("POST", path, { name: "once" }, headers)),
    );
    expect(new Set(answers.map((answer) => readAs(chatSchema, answer, 201).number))).to.deep.equal(new Set([1]));
    const replayed = answers.filter((answer) => answer.headers.get("idempotent-replayed") === "true");
    expect(replayed).to.have.length(19);
    problemOf(await api.send("POST", path, { name: "twice" }, headers), "idempotency-conflict");
    const other = `/applications/${await world.newApplication()}/chats`;
    expect(readAs(chatSchema, await api.send("POST", other, { name: "twice" }, headers), 201).number).to.equal(1);
    expect(readAs(chatSchema, await api.send("POST", path), 201).number).to.equal(2);
  });

  it("pages to the end and back to the beginning, with each chat once in each direction", async () => {
    for (let index = 0; index < 10; index += 1) await world.newChat(token);
    const forward = await follow(chatSchema, api, `${path}?limit=3`, "next");
    expect(forward.pages.map((page) => page.map(({ number }) => number))).to.deep.equal([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
      [10],
    ]);
    const back = await follow(chatSchema, api, forward.last, "prev");
    expect(back.pages.toReversed()).to.deep.equal(forward.pages);
    const beyond = await api.get(`${path}?after=10&limit=3`);
    expect(jsonOf(beyond)).to.deep.equal([]);
    expect(linksOf(beyond)).to.deep.equal({ prev: `${path}?limit=3&before=11` });
    problemOf(await api.get(`${path}?after=1&before=3`), "validation-failed");
    expect(linksOf(await api.get(`${path}?limit=10`))).to.deep.equal({});
  });

  it("returns to the beginning from any position without repeating a chat", async () => {
    for (let index = 0; index < 7; index += 1) await world.newChat(token);
    for (let after = 0; after < 7; after += 1) {
      const { pages } = await follow(chatSchema, api, `${path}?limit=3&after=${after}`, "prev");
      const numbers = pages
        .toReversed()
        .flat()
        .map(({ number }) => number);
      expect(numbers).to.deep.equal(Array.from({ length: Math.min(7, after + 3) }, (_, index) => index + 1));
      // The links keep the requested page size, even after a short page.
      const { last } = await follow(chatSchema, api, `${path}?limit=3&after=${after}`, "prev");
      expect(new URL(last, "http://localhost").searchParams.get("limit")).to.equal("3");
    }
  });

  it("shows the page right before a number, with links both ways", async () => {
    for (let index = 0; index < 7; index += 1) await world.newChat(token);
    const shown = async (query: string) => {
      const answer = await api.get(`${path}?${query}`);
      return [readAs(z.array(chatSchema), answer).map(({ number }) => number), linksOf(answer)];
    };
    expect(await shown("before=6&limit=2")).to.deep.equal([
      [4, 5],
      { prev: `${path}?limit=2&before=4`, next: `${path}?limit=2&after=5` },
    ]);
    expect(await shown("before=1")).to.deep.equal([[], { next: `${path}?after=0` }]);
    expect(await shown("before=99&limit=9")).to.deep.equal([[1, 2, 3, 4, 5, 6, 7], {}]);
  });

  it("renames by PATCH and PUT, and removes a name", async () => {
    const created = readAs(chatSchema, await api.send("POST", path, { name: "before" }), 201);
    for (const [method, name] of [
      ["PATCH", "by patch"],
      ["PUT", null],
    ] as const) {
      const renamed = readAs(chatSchema, await api.send(method, `${path}/1`, { name, messages_count: 5 }));
      expect(renamed).to.deep.equal({ ...created, name, updated_at: renamed.updated_at });
      expect(jsonOf(await api.get(`${path}/1`))).to.deep.equal(renamed);
    }
    problemOf(await api.send("PATCH", `${path}/1`, {}), "validation-failed");
    problemOf(await api.send("PATCH", `${path}/2`, { name: "x" }), "chat-not-found");
  });

  it("is only accessible with the token of its application", async () => {
    const chat = await world.newChat(token);
    await world.accept(chat, "secret");
    const stranger = await world.newApplication();
    for (const [owner, code] of [
      [stranger, "chat-not-found"],
      [randomUUID(), "application-not-found"],
      [`${token} `, "application-not-found"],
    ] as const) {
      const path = `/applications/${encodeURIComponent(owner)}/chats/${chat.number}`;
      for (const target of [path, `${path}/messages`, `${path}/messages/1`, `${path}/messages/search?q=secret`]) {
        problemOf(await api.get(target), code);
      }
      for (const method of ["PATCH", "PUT"]) problemOf(await api.send(method, path, { name: "mine" }), code);
    }
    expect(jsonOf(await api.get(`/applications/${stranger}/chats`))).to.deep.equal([]);
    problemOf(await api.get(`/applications/${randomUUID()}/chats`), "application-not-found");
  });

  it("answers other methods with 405, and says where to send messages", async () => {
    const { number } = await world.newChat(token);
    const posted = await api.send("POST", `${path}/${number}/messages`, { body: "Hello" });
    expect(problemOf(posted, "method-not-allowed").detail).to.include("POST /messages");
    expect(posted.headers.get("allow")).to.equal("GET, HEAD");
    const other = await api.send("POST", `${path}/${number}`, {});
    problemOf(other, "method-not-allowed");
    expect(other.headers.get("allow")).to.equal("DELETE, GET, HEAD, PATCH, PUT");
    problemOf(await api.send("POST", "/messages", {}), "route-not-found");
    problemOf(await api.get(`${path}/${number}/nothing`), "route-not-found");
    for (const wrong of [`${path}/`, path.replace("/applications", "/APPLICATIONS"), `${path}/${number}/Messages`]) {
      expect(problemOf(await api.get(wrong), "route-not-found").detail).to.include("do not end with a slash");
    }
  });
});
