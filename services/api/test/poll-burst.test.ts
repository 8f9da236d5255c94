import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { eventually, longestBlock } from "@confab/testkit";
import { expect } from "chai";
import type { PollAnswers, PollsData } from "./poll-crowd-reader.ts";
import { useApi } from "./start.ts";

describe("long polls that come at once", function () {
  this.timeout(120_000);
  let worker: Worker | undefined;
  const { world, api } = useApi();
  afterEach(() => worker?.terminate());

  /**
   * Sends all polls at once, from a separate thread. When all are answered, resolves with the number of answers by
   * status and number of bytes.
   */
  async function pollAll(paths: readonly string[]): Promise<[answer: string, polls: number][]> {
    const workerData: PollsData = { port: Number(new URL(api.url).port), paths };
    worker = new Worker(new URL("poll-crowd-reader.ts", import.meta.url), { workerData });
    const [answers] = (await once(worker, "message")) as [PollAnswers];
    return [...answers];
  }

  const areWaiting = (count: number) =>
    eventually(() => expect(api.waits.count()).to.equal(count), { timeoutMs: 30_000 });

  it("wait their turn in one chat, and get a large message without holding up the process", async () => {
    const chat = await world.newChat();
    const path = `/applications/${chat.token}/chats/${chat.number}/messages?after=0&wait=30`;
    const polls = 1_500;
    const answering = pollAll(Array<string>(polls).fill(path));
    await areWaiting(polls);
    const block = await longestBlock(async () => {
      await world.accept(chat, "y".repeat(60_000));
      const answers = await answering;
      expect(answers).to.have.length(1);
      expect(answers[0]).to.deep.equal([answers[0]![0], polls]);
      expect(answers[0]![0]).to.match(/^200 60\d\d\d$/);
    }, 1);
    if (process.env.CONFAB_SHOW_FIGURES !== undefined) process.stdout.write(`${Math.round(block)} ms\n`);
    expect(block).to.be.below(50);
  });

  it("wait their turn in many chats, and leave the lists of their application and of others their own", async () => {
    const token = await world.newApplication();
    const chats = await Promise.all(Array.from({ length: 300 }, () => world.newChat(token)));
    const other = await world.newChat();
    const answering = pollAll(
      chats.flatMap(({ number }) =>
        Array<string>(2).fill(`/applications/${token}/chats/${number}/messages?after=0&wait=2`),
      ),
    );
    for (let at = 0; at < 20; at += 1) {
      for (const chat of [chats[0]!, other]) {
        const answer = await api.get(`/applications/${chat.token}/chats/${chat.number}/messages`);
        expect(answer.status).to.equal(200);
      }
    }
    expect(await answering).to.deep.equal([["200 2", 600]]);
  });
});
