import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import type { Client } from "./http.ts";
import { listAll } from "./stored.ts";
import { memoryOf } from "./memory.ts";
import { expectConsistent, restartsOf, type Release } from "./release.ts";
import { report } from "./report.ts";

const total = Number(process.env.CONFAB_E2E_BACKLOG ?? 200_000);
const chatCount = 50;
const perRequest = 1000;
const pausedAt = "autoscaling.keda.sh/paused-replicas";

interface Moment {
  readonly seconds: number;
  readonly workers: number;
  readonly stored: number;
}

interface Status {
  redis: { pending: number; queues: { queue: string; jobs: Record<string, number> }[] };
  database: { dead_letters: number };
}

/** Describes a backlog with one slow worker: KEDA starts workers, and removes them when everything is stored. */
export function describeAutoscaling(installed: () => Release): void {
  describe(`with ${total} pending messages and one slow worker`, () => {
    let token: string;
    let chats: number[];
    let restartsBefore: number;

    const replicas = async () =>
      (await installed().json<{ status: { readyReplicas?: number } }>("get", "deployment", "confab-worker")).status
        .readyReplicas ?? 0;
    const holdAt = async (count: number): Promise<void> => {
      await installed().kubectl("annotate", "scaledobject", "confab-worker", `${pausedAt}=${count}`, "--overwrite");
      for (let attempt = 0; (await replicas()) !== count; attempt++) {
        expect(attempt, `${count} workers`).to.be.below(120);
        await pause(1_000);
      }
    };
    const status = async (): Promise<Status> =>
      JSON.parse(await installed().confabctl("status", "--once", "--interval", "1", "--json")) as Status;

    before(async () => {
      await installed().upgrade({
        "ingress.rateLimit.enabled": "false",
        "config.rateLimits": "false",
        "worker.resources.limits.cpu": "150m",
        "worker.store.jobConcurrency": "5",
        "worker.keda.pendingMessages": String(total / 4),
      });
      token = await installed().createApplication("backlog");
      chats = await installed().createChats(token, chatCount);
      restartsBefore = await restartsOf(installed());
    });

    it("scales up from one worker and back to one, and stores every message once", async () => {
      const { client } = installed();
      await holdAt(0);
      const sendingBegan = performance.now();
      const numbers = await sendBacklog(client, token, chats);
      const sendingSeconds = (performance.now() - sendingBegan) / 1000;
      const waiting = await status();
      expect(waiting.redis.pending, "pending messages").to.equal(total);
      expect(await storedIn(client, token, chats)).to.equal(0);
      report(
        `${total} messages sent in ${sendingSeconds.toFixed(0)} s, all pending; waiting jobs: ${JSON.stringify(waiting.redis.queues.map(({ queue, jobs }) => `${queue}: ${jobs.waiting ?? 0}`))}`,
      );

      await holdAt(1);
      const began = performance.now();
      await installed().kubectl("annotate", "scaledobject", "confab-worker", `${pausedAt}-`);
      const course: Moment[] = [];
      let memory: string | undefined;
      const deadline = began + 1_200_000;
      for (let [stored, workers] = [0, 1]; stored < total || workers > 1;) {
        [workers, stored] = await Promise.all([replicas(), storedIn(client, token, chats)]);
        course.push({ seconds: (performance.now() - began) / 1000, workers, stored });
        expect(performance.now(), `not drained: ${describeCourse(course)}`).to.be.below(deadline);
        if (workers > 1) memory = await memoryOf(installed());
        await pause(4_000);
      }
      report(describeCourse(course));
      report(`memory while draining: ${memory ?? "unknown"}`);
      expect(course[0]?.workers, "workers at the start").to.equal(1);
      expect(Math.max(...course.map(({ workers }) => workers)), "maximum number of workers").to.be.above(1);
      expect(await storedIn(client, token, chats)).to.equal(total);

      for (const chat of chats) {
        const assigned = numbers.get(chat)!.toSorted((a, b) => a - b);
        const all = assigned.map((_, index) => index + 1);
        expect(assigned, `numbers assigned in chat ${chat}`).to.deep.equal(all);
        const listed = (await listAll(client, token, chat)).map(({ number }) => number);
        expect(listed, `numbers stored in chat ${chat}`).to.deep.equal(all);
      }
      const after = await status();
      expect(after.redis.pending).to.equal(0);
      expect(after.database.dead_letters, "dead letters").to.equal(0);
      for (const { queue, jobs } of after.redis.queues) expect(jobs.failed, `failed jobs of ${queue}`).to.equal(0);
      expect(await restartsOf(installed()), "restarts").to.equal(restartsBefore);
      await expectConsistent(installed());
    });
  });
}

function describeCourse(course: readonly Moment[]): string {
  return course
    .map(({ seconds, workers, stored }) => `${seconds.toFixed(0)} s: ${workers} workers, ${stored} stored`)
    .join("\n");
}

/** Sends all messages, and repeats the refused ones. Resolves with the assigned numbers by chat. */
async function sendBacklog(client: Client, token: string, chats: readonly number[]): Promise<Map<number, number[]>> {
  const numbers = new Map<number, number[]>(chats.map((chat) => [chat, []]));
  const rounds = total / perRequest;
  let next = 0;
  const sendSome = async (): Promise<void> => {
    for (let round = next++; round < rounds; round = next++) {
      let open = Array.from({ length: perRequest }, (_, index) => ({
        application_token: token,
        chat_number: chats[(round + index) % chats.length]!,
        body: `message ${round} ${index}: a few words that people say to each other`,
        idempotency_key: `${round}-${index}`,
      }));
      for (let attempt = 0; open.length > 0; attempt++) {
        expect(attempt, "attempts for one request").to.be.below(300);
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
