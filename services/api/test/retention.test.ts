import { randomBytes } from "node:crypto";
import { applicationSchema, chatSchema } from "@confab/contracts";
import { createBatchStore, createRetention } from "@confab/database";
import { expect } from "chai";
import { openStream } from "./event-reader.ts";
import { jsonOf, problemOf, readAs, useApi } from "./start.ts";

describe("retention_days", function () {
  this.timeout(60_000);
  const { world, api } = useApi();

  it("is set when an application is created, changed alone, and removed with null", async () => {
    const key = { "idempotency-key": crypto.randomUUID() };
    const sent = { name: "n", retention_days: 30 };
    const created = readAs(applicationSchema, await api.send("POST", "/applications", sent, key), 201);
    expect(created.retention_days).to.equal(30);
    expect(readAs(applicationSchema, await api.send("POST", "/applications", sent, key), 201)).to.deep.equal(created);
    const other = await api.send("POST", "/applications", { ...sent, retention_days: 31 }, key);
    problemOf(other, "idempotency-conflict");
    const path = `/applications/${created.token}`;
    for (const [method, body, expected] of [
      ["PATCH", { retention_days: 36_500 }, { name: "n", retention_days: 36_500 }],
      ["PUT", { name: "m" }, { name: "m", retention_days: 36_500 }],
      ["PATCH", { retention_days: null }, { name: "m", retention_days: null }],
      ["PUT", { name: "o", retention_days: 1 }, { name: "o", retention_days: 1 }],
    ] as const) {
      expect(readAs(applicationSchema, await api.send(method, path, body))).to.include(expected);
      expect(jsonOf(await api.get(path))).to.include(expected);
    }
    const listed = jsonOf(await api.get("/applications")) as { token: string; retention_days: number }[];
    expect(listed.find(({ token }) => token === created.token)).to.include({ retention_days: 1 });
    expect(jsonOf(await api.send("POST", "/applications", { name: "n" }), 201)).to.include({ retention_days: null });
  });

  it("of a chat can also be 0, for ever", async () => {
    const { token } = await world.newChat();
    const chats = `/applications/${token}/chats`;
    const created = readAs(chatSchema, await api.send("POST", chats, { retention_days: 0 }), 201);
    expect(created.retention_days).to.equal(0);
    const path = `${chats}/${created.number}`;
    for (const [body, expected] of [
      [{ retention_days: 7 }, { retention_days: 7, name: null }],
      [{ name: "n" }, { retention_days: 7, name: "n" }],
      [{ retention_days: null }, { retention_days: null, name: "n" }],
    ] as const) {
      expect(readAs(chatSchema, await api.send("PATCH", path, body))).to.include(expected);
      expect(jsonOf(await api.get(path))).to.include(expected);
    }
    for (const order of ["number", "activity"]) {
      const list = jsonOf(await api.get(`${chats}?order=${order}`)) as { retention_days: null }[];
      expect(list.map(({ retention_days }) => retention_days)).to.deep.equal([null, null]);
    }
  });

  it("is refused if it is no number of days", async () => {
    const { token } = await world.newChat();
    const application = `/applications/${token}`;
    for (const value of [0, -1, 1.5, "30", 36_501, true, [], {}]) {
      const requests: [string, string, object?][] = [
        ["PATCH", application],
        ["PUT", application],
        ["POST", "/applications", { name: "n" }],
        ...(value === 0
          ? []
          : ([
              ["PATCH", `${application}/chats/1`],
              ["PUT", `${application}/chats/1`],
              ["POST", `${application}/chats`],
            ] as [string, string][])),
      ];
      for (const [method, path, body] of requests) {
        const answer = await api.send(method, path, { ...body, retention_days: value });
        const { errors } = problemOf(answer, "validation-failed");
        expect(errors?.map(({ pointer }) => pointer)).to.deep.equal(["/retention_days"]);
      }
    }
    const { errors } = problemOf(await api.send("PATCH", application, {}), "validation-failed");
    expect(errors).to.deep.equal([{ pointer: "/name", detail: "is required, unless retention_days is given" }]);
    expect(jsonOf(await api.get(application))).to.include({ retention_days: null });
  });

  it("deletes messages as clients see it: not read or counted any more, and shown by streams", async () => {
    const { token, number: chat, id: chatId } = await world.newChat();
    const path = `/applications/${token}/chats/${chat}`;
    const messages = [40, 40, 1].map((age, at) => ({
      token,
      chat,
      chatId,
      number: at + 1,
      uid: randomBytes(16),
      body: `m${at + 1}`,
      sender: "anna",
      createdAt: new Date(Date.now() - age * 86_400_000),
    }));
    await createBatchStore(world.database).store([{ id: randomBytes(16), messages }]);
    await api.send("PATCH", path, { retention_days: 30 });
    const reader = await openStream(`${api.url}${path}/messages/stream?after=3`, {});
    await reader.until((events) => events.some(({ event }) => event === "caught-up"));

    const retention = createRetention(world.database);
    expect((await retention.expire(chatId, await retention.time())).deleted).to.equal(2);
    problemOf(await api.get(`${path}/messages/2`), "message-deleted");
    const listed = jsonOf(await api.get(`${path}/messages`)) as {
      body: string | null;
      sender: string | null;
      change_number: number;
    }[];
    expect(listed.map(({ body, sender }) => [body, sender])).to.deep.equal([
      [null, null],
      [null, null],
      ["m3", "anna"],
    ]);
    expect(jsonOf(await api.get(path))).to.include({
      messages_count: 1,
      last_message_number: 3,
      last_change_number: listed[1]!.change_number,
    });
    expect(jsonOf(await api.get(`${path}/reads/bert`))).to.include({ unread: 1 });
    await reader.until((events) => events.length === 3);
    expect(reader.events.slice(1).map(({ id, event, data }) => [id, event, data])).to.deep.equal([
      [`3-${listed[0]!.change_number}`, "deleted", listed[0]],
      [`3-${listed[1]!.change_number}`, "deleted", listed[1]],
    ]);
    await reader.close();
  });
});
