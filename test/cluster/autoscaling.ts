import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import type { Client } from "./http.ts";
import type { Release } from "./release.ts";
import { report } from "./report.ts";

const total = Number(process.env.CONFAB_E2E_BACKLOG ?? 200_000);
const chatsInAll = 50;
const perRequest = 1000;

/** A backlog that one worker cannot store soon: workers come, and go when it is gone. */
export function describeAutoscaling(installed: () => Release): void {
  describe(`with ${total} messages waiting for one slow worker`, () => {
    let token: string;
    let chats: number[];

    before(async () => {
      await installed().upgrade({
        "ingress.rateLimit.enabled": "false",
        "config.rateLimits": "false",
        "worker.resources.limits.cpu": "150m",
        "worker.store.batchConcurrency": "5",
        "worker.keda.listLength": "50",
      });
      token = await installed().createApplication("backlog");
      chats = await installed().createChats(token, chatsInAll);
    });

    it("scales from one worker up and back to one, and stores every message once", async () => {
      const { client } = installed();
      const began = performance.now();
      const seconds = () => Math.round((performance.now() - began) / 1000);
      const replicas = async () =>
        (await installed().json<{ status: { readyReplicas?: number } }>("get", "deployment", "confab-worker")).status
          .readyReplicas ?? 0;
      const course: string[] = [];
      let [most, now] = [0, await replicas()];
      expect(now, "workers at the start").to.equal(1);

      const sending = sendBacklog(client, token, chats);
      let sentAfter: number | undefined;
      void sending.then(() => (sentAfter = seconds()));
      const deadline = performance.now() + 1_200_000;
      for (let stored = 0; stored < total || now > 1;) {
        expect(performance.now(), `not drained: ${course.join(", ")}`).to.be.below(deadline);
        [now, stored] = [await replicas(), await storedIn(client, token, chats)];
        most = Math.max(most, now);
        course.push(`${seconds()} s: ${now} workers, ${stored} stored`);
        await pause(5_000);
      }
      report(`all sent after ${sentAfter ?? 0} s\n${course.join("\n")}`);
      expect(most, "workers at the height").to.be.above(1);
      expect(await storedIn(client, token, chats)).to.equal(total);
      const numbers = await sending;
      for (const [chat, given] of numbers) {
        expect(
          given.toSorted((a, b) => a - b),
          `chat ${chat}`,
        ).to.deep.equal(given.map((_, index) => index + 1));
      }
    });
  });
}

/** The numbers that were given, by chat; a part of a request that is refused for pressure is sent again. */
async function sendBacklog(client: Client, token: string, chats: readonly number[]): Promise<Map<number, number[]>> {
  const numbers = new Map<number, number[]>(chats.map((chat) => [chat, []]));
  const rounds = total / perRequest;
  let next = 0;
  const sendSome = async (): Promise<void> => {
    for (let round = next++; round < rounds; round = next++) {
      let open = Array.from({ length: perRequest }, (_, index) => ({
        application_token: token,
        chat_number: chats[(round + index) % chats.length]!,
        body: `message ${round} ${index}: what people say to each other in a few words`,
        idempotency_key: `${round}-${index}`,
      }));
      while (open.length > 0) {
        const answer = await client.send("POST", "/messages/batch", { messages: open });
        if (answer.status !== 200) {
          await pause(1000);
          continue;
        }
        const { results } = answer.body as { results: { status: number; number?: number }[] };
        results.forEach(({ status, number }, index) => {
          if (status === 201) numbers.get(open[index]!.chat_number)!.push(number!);
        });
        open = open.filter((_, index) => results[index]!.status !== 201);
        if (open.length > 0) await pause(500);
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, sendSome));
  return numbers;
}

async function storedIn(client: Client, token: string, chats: readonly number[]): Promise<number> {
  const counts = await Promise.all(
    chats.map(async (chat) => {
      const answer = await client.send("GET", `/applications/${token}/chats/${chat}`);
      return (answer.body as { messages_count: number }).messages_count;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
