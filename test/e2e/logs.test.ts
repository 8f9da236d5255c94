import { randomUUID } from "node:crypto";
import { eventually, startService, uniquePrefix, useForAll, type ServiceHandle } from "@confab/testkit";
import { openDatabase } from "@confab/testkit/world";
import { expect } from "chai";

const adminKey = `admin-${randomUUID()}`;
const secretBody = "the quick brown secret jumps";

describe("the logs of the three services", function () {
  this.timeout(120_000);
  let token: string;
  let services: ServiceHandle[] = [];

  const world = useForAll(openDatabase);
  before(async () => {
    const prefix = uniquePrefix("logs");
    const env = {
      DATABASE_URL: world.url,
      REDIS_KEY_PREFIX: prefix,
      SEARCH_INDEX: prefix,
      ADMIN_API_KEY: adminKey,
      // With this level, everything is logged.
      LOG_LEVEL: "trace",
    };
    services = await Promise.all((["ingest", "worker", "api"] as const).map((name) => startService(name, env)));
    const created = await fetch(`${services[2]!.url}/applications`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${adminKey}` },
      body: JSON.stringify({ name: "logged" }),
    });
    ({ token } = (await created.json()) as { token: string });
    await world.newChat(token);
  });
  after(async () => {
    await Promise.all(services.map((service) => service.stop()));
  });

  const post = (path: string, body: unknown, requestId: string) =>
    fetch(services[0]!.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", "x-request-id": requestId, "idempotency-key": randomUUID() },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const linesOf = (service: number, requestId: string) =>
    services[service]!.logs().filter(
      ({ request_id, request_ids }) =>
        request_id === requestId || (Array.isArray(request_ids) && request_ids.includes(requestId)),
    );
  const message = () => ({ application_token: token, chat_number: 1, body: secretBody });

  it("follow one message by its request id through all of them", async () => {
    const requestId = `find-${randomUUID()}`;
    const sent = await post("/messages", message(), requestId);
    expect(sent.status).to.equal(201);
    expect(sent.headers.get("x-request-id")).to.equal(requestId);
    await eventually(async () => expect(await world.database.prisma.message.count()).to.equal(1));
    await fetch(services[2]!.url + (sent.headers.get("location") ?? ""), { headers: { "x-request-id": requestId } });

    const about = { application: token.slice(0, 8), chat: 1 };
    await eventually(() => {
      const found = [0, 1, 2].map((service) => linesOf(service, requestId));
      expect(found.map((lines) => lines.map((line) => line.message))).to.deep.equal([
        ["request"],
        ["messages stored", "message stored"],
        ["request"],
      ]);
      for (const lines of found) expect(lines.at(-1)).to.include(about);
      expect(found[1]![1]).to.include({ number: 1 });
    });
  });

  it("name the application and chat of a batch request if all its items share them", async () => {
    const [one, many] = [`one-${randomUUID()}`, `many-${randomUUID()}`];
    await post("/messages/batch", { messages: [message(), message()] }, one);
    await post("/messages/batch", { messages: [message(), { ...message(), application_token: randomUUID() }] }, many);
    await eventually(() => {
      expect(linesOf(0, one)[0]).to.include({ application: token.slice(0, 8), chat: 1, messages: 2 });
      expect(linesOf(0, one)[0]).to.include({ accepted: 2, refused: 0 });
      expect(linesOf(0, many)[0]).to.include({ messages: 2 });
      expect(linesOf(0, many)[0]).to.not.have.any.keys("application", "chat");
    });
  });

  it("contain no body, no complete token and no admin key, whatever fails", async () => {
    const api = services[2]!.url;
    const key = { authorization: `Bearer ${adminKey}` };
    await post("/messages", `{"body": "${secretBody}`, "broken");
    await post("/messages", { ...message(), chat_number: 999 }, "no-chat");
    await post("/messages", { ...message(), body: secretBody.repeat(5_000) }, "too-long");
    await fetch(`${api}/applications`, { headers: { authorization: `Bearer ${adminKey}x` } });
    await fetch(`${api}/applications?limit=no`, { headers: key });
    await fetch(`${api}/applications/${token}/chats/1/messages/search?q=${encodeURIComponent(secretBody)}`);
    await fetch(`${api}/applications/${token}/nowhere`);
    // A database error may quote the refused text.
    await world.database.prisma.$executeRawUnsafe(
      `CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW BEGIN IF NEW.body LIKE 'poison%' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF; END`,
    );
    await post("/messages", { ...message(), body: `poison ${secretBody}` }, "poison");
    await eventually(() => {
      expect(linesOf(1, "poison")[0]?.message).to.match(/dead letter/);
      expect(linesOf(0, "too-long")).to.not.be.empty;
    });
    const text = services.map((service) => JSON.stringify(service.logs())).join("\n");
    expect(text.length).to.be.greaterThan(1_000);
    for (const secret of [secretBody, secretBody.slice(0, 20), token, adminKey]) expect(text).to.not.include(secret);
  });
});
