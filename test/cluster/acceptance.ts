import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { verifyStored, type Acknowledged } from "./stored.ts";
import type { Release } from "./release.ts";

const [chatCount, clients, total] = [10, 32, 1000];

/**
 * Describes promises that hold while all stores are available: acknowledged messages are numbered 1, 2, 3…, stored,
 * counted and found.
 */
export function describeAcceptance(installed: () => Release): void {
  it("passes helm test", async () => {
    expect(await installed().helm("test", "confab", "--logs", "--timeout", "3m")).to.match(/Phase:\s+Succeeded/);
  });

  it(`numbers ${total} messages from ${clients} clients in ${chatCount} chats without gaps, and stores each once`, async () => {
    const { client } = installed();
    const token = await installed().createApplication("acceptance");
    const chats = await installed().createChats(token, chatCount);
    const acknowledged: Acknowledged[] = [];
    let next = 0;
    const sendSome = async (): Promise<void> => {
      for (let index = next++; index < total; index = next++) {
        const chat = chats[index % chatCount]!;
        const body = `message ${index} of ${total}`;
        const answer = await client.send("POST", "/messages", { application_token: token, chat_number: chat, body });
        expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
        acknowledged.push({ chat, number: (answer.body as { number: number }).number, body });
      }
    };
    await Promise.all(Array.from({ length: clients }, sendSome));
    for (const [chat, sent] of Map.groupBy(acknowledged, (message) => message.chat)) {
      const numbers = sent.map(({ number }) => number).sort((a, b) => a - b);
      expect(numbers, `chat ${chat}`).to.deep.equal(numbers.map((_, index) => index + 1));
    }
    expect(await verifyStored(client, token, acknowledged)).to.deep.equal({ stored: total, extra: 0 });

    const { chat } = acknowledged.find(({ body }) => body.startsWith("message 777 "))!;
    const path = `/applications/${token}/chats/${chat}/messages/search`;
    const found = async () => (await client.send("GET", `${path}?q=${encodeURIComponent("essage 777")}`)).body;
    for (let attempt = 0; attempt < 60 && ((await found()) as unknown[]).length === 0; attempt++) await pause(500);
    expect(await found()).to.have.nested.property("[0].body", `message 777 of ${total}`);
  });
}
