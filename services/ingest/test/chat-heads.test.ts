import { randomUUID } from "node:crypto";
import { Agent, request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { eventually, startProxy, startService, uniquePrefix, useForEach } from "@confab/testkit";
import type { BatchAnswer, ProblemCode } from "@confab/contracts";
import { expect } from "chai";
import { messageOf, openWorld, post, send, type Chat } from "./start.ts";

/**
 * The limit is generous, because a busy client measures more than the service's time. Without any limit on such
 * requests, the last one waited for minutes.
 */
const quicklyMs = 3_000;

describe("ingest with chats that Redis does not know", () => {
  let agent: Agent;
  const world = useForEach(openWorld);
  const database = useForEach(() => startProxy({ target: world.url }));
  const service = useForEach(() =>
    startService("ingest", { DATABASE_URL: database.url, REDIS_KEY_PREFIX: uniquePrefix("loading") }),
  );
  beforeEach(() => {
    agent = new Agent({ keepAlive: true, maxSockets: 100 });
  });
  afterEach(() => {
    agent.destroy();
  });

  interface Timed {
    status: number;
    code: string;
    ms: number;
  }
  const timed = ({ token, number }: Pick<Chat, "token" | "number">): Promise<Timed> =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({ application_token: token, chat_number: number, body: "Hello" });
      const headers = { "content-type": "application/json", "content-length": body.length };
      const sent = request(`${service.url}/messages`, { method: "POST", agent, headers });
      let began = performance.now();
      sent.on("socket", () => (began = performance.now()));
      sent.on("error", reject);
      sent.on("response", (response: IncomingMessage) => {
        const ms = performance.now() - began;
        text(response).then((answer) => {
          const { type = "" } = JSON.parse(answer) as { type?: string };
          resolve({ status: response.statusCode ?? 0, code: type.split("/").at(-1) ?? "", ms });
        }, reject);
      });
      sent.end(body);
    });
  const slowest = (answers: readonly Timed[]): number => Math.max(...answers.map(({ ms }) => ms));

  for (const failure of ["unavailable", "silent"] as const) {
    it(`answers the thousandth request as fast as the first while MySQL is ${failure}, and finds the chats afterwards`, async () => {
      const chat = await world.newChat();
      if (failure === "unavailable") await database.cut();
      else database.pause();
      const strangers = Array.from({ length: 1_000 }, (_, index) => ({ token: chat.token, number: index + 1 }));
      const answers = await Promise.all(strangers.map(timed));
      const codes = new Set<string>(answers.map(({ status, code }) => `${status} ${code}`));
      expect(codes).to.include("503 storage-unavailable");
      const expected: ProblemCode[] = ["storage-unavailable", "sending-unavailable"];
      expect(expected.map((code) => `503 ${code}`)).to.include.members([...codes]);
      expect(slowest(answers)).to.be.below(quicklyMs);
      if (failure === "unavailable") await database.restore();
      else database.resume();
      const found = await eventually(async () => messageOf(await send(service.url, chat, "Hello")));
      expect(found.number).to.equal(1);
    });
  }

  it("finds a new chat quickly while other clients send to thousands of chats that do not exist", async () => {
    const item = (token: string, chat_number: number) => ({ application_token: token, chat_number, body: "x" });
    const owned = await world.newApplication();
    let isOver = false;
    const statuses = new Set<number>();
    const attack = async (make: (index: number) => object): Promise<void> => {
      while (!isOver) {
        const messages = Array.from({ length: 1_000 }, (_, index) => make(index));
        const answer = await post(`${service.url}/messages/batch`, { messages });
        if (answer.status !== 200) continue;
        for (const { status } of (JSON.parse(answer.text) as BatchAnswer).results) statuses.add(status);
      }
    };
    const attacks = [
      ...Array.from({ length: 3 }, () => attack(() => item(randomUUID(), 1))),
      attack((index) => item(owned, index + 1)),
    ];
    const waits: Timed[] = [];
    try {
      for (let round = 0; round < 10; round += 1) waits.push(await timed(await world.newChat()));
    } finally {
      isOver = true;
      await Promise.allSettled(attacks);
    }
    expect([...statuses]).to.include(404);
    // The attack also keeps Redis busy, but this test is not about Redis.
    const found = waits.filter(({ code }) => code !== "sending-unavailable");
    expect(found.map(({ status }) => status)).to.deep.equal(found.map(() => 201));
    expect(found).to.not.be.empty;
    expect(slowest(waits)).to.be.below(quicklyMs);
  });

  it("finds a chat although a client sent to it before it was created", async () => {
    const token = await world.newApplication();
    expect(await timed({ token, number: 1 })).to.include({ status: 404, code: "chat-not-found" });
    const chat = await world.newChat(token);
    expect(await timed(chat)).to.include({ status: 201 });
  });
});
