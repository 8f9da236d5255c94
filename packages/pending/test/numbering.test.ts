import { eventually, startProxy, useForAll } from "@confab/testkit";
import { expect } from "chai";
import fc from "fast-check";
import { AcceptorUnavailable } from "@confab/pending";
import type { TestAcceptor } from "@confab/testkit/world";
import { createWorld, type Chat } from "./world.ts";

/** An action of a client or of the environment. */
type Step =
  | { kind: "send"; client: number; chat: number; count: number }
  | { kind: "repeat"; client: number; chat: number; key: number; text: number }
  | { kind: "stranger"; client: number }
  | { kind: "store" }
  | { kind: "cut" }
  | { kind: "restart" }
  | { kind: "forget" };

const client = fc.nat(1);
const chat = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("send" as const), client, chat, count: fc.integer({ min: 1, max: 40 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("repeat" as const), client, chat, key: fc.nat(2), text: fc.nat(1) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("stranger" as const), client }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("store" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("forget" as const) }) },
);

describe("numbering, whatever happens", function () {
  this.timeout(120_000);
  const world = useForAll(createWorld);

  it("accepts a full batch in which each message is for another chat", async () => {
    const side = await world.connect();
    const acceptor = side.acceptor();
    const chats = await Promise.all(Array.from({ length: 500 }, () => world.createChat()));
    const submit = (body: string) =>
      Promise.all(chats.map(({ token, number: chat }) => acceptor.submit({ token, chat, body, requestId: "r" })));
    await submit("loads the heads");
    const sizes: number[] = [];
    const full = side.acceptor({ onBatch: ({ size }) => sizes.push(size) });
    const answers = await Promise.all(
      chats.map(({ token, number: chat }) => full.submit({ token, chat, body: "b", requestId: "r" })),
    );
    expect(sizes).to.deep.equal([500]);
    expect(new Set(answers.map((answer) => answer.kind === "accepted" && answer.number))).to.deep.equal(new Set([2]));
  });

  it("is full while as many messages wait as may", async () => {
    const side = await world.connect();
    const acceptor = side.acceptor({ maxBatch: 1, maxInFlight: 1, maxWaiting: 3 });
    const { token, number: chat } = await world.createChat();
    const submit = () => acceptor.submit({ token, chat, body: "b", requestId: "r" });
    const submitted = [submit(), submit(), submit()];
    expect(acceptor.isFull()).to.equal(false);
    submitted.push(submit());
    expect(acceptor.isFull()).to.equal(true);
    await Promise.all(submitted);
    expect(acceptor.isFull()).to.equal(false);
  });

  it("gives every chat the numbers 1…N, stores each message once and each acknowledged one under its number", async () => {
    const proxy = await startProxy({ target: world.server.url });
    const side = await world.connect();
    const behindProxy = await world.connect(proxy);
    const acceptors = [side.acceptor(), behindProxy.acceptor()];
    let run = 0;

    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
        run++;
        const chats = await Promise.all([world.createChat(), world.createChat(), world.createChat()]);
        const acknowledged: { chat: Chat; number: number; body: string }[] = [];
        const firstUse = new Map<string, { chat: number; text: number; number: number }>();
        let sent = 0;

        const submit = async (
          acceptor: TestAcceptor,
          to: Chat,
          body: string,
          key?: string,
          hash = body,
        ): Promise<number | "conflict" | undefined> => {
          const idempotency = key === undefined ? undefined : { key, hash };
          try {
            const acceptance = await acceptor.submit({
              token: to.token,
              chat: to.number,
              body,
              requestId: "r",
              idempotency,
            });
            if (acceptance.kind === "conflict") return "conflict";
            if (acceptance.kind !== "accepted") throw new Error(acceptance.kind);
            if (!acceptance.replayed) acknowledged.push({ chat: to, number: acceptance.number, body });
            return acceptance.number;
          } catch (error) {
            // The outcome is unknown: the message may or may not be stored. Its body identifies it.
            if (error instanceof AcceptorUnavailable) return undefined;
            throw error;
          }
        };
        const ready = () => eventually(() => Promise.all([side.redis.ping(), behindProxy.redis.ping()]));
        const storeAll = async (): Promise<void> => {
          await ready();
          await world.store(side);
        };

        for (const next of steps) {
          switch (next.kind) {
            case "send": {
              const bodies = Array.from({ length: next.count }, () => `message ${sent++}`);
              await Promise.all(bodies.map((body) => submit(acceptors[next.client]!, chats[next.chat]!, body)));
              break;
            }
            case "repeat": {
              await ready();
              const key = `${run}-${next.key}`;
              const known = firstUse.get(`${key} ${next.chat}`);
              const same = known?.text === next.text;
              const body = same ? "as before" : `message ${sent++}`;
              const number = await submit(acceptors[next.client]!, chats[next.chat]!, body, key, String(next.text));
              if (!known) firstUse.set(`${key} ${next.chat}`, { ...next, number: number as number });
              else expect(number).to.equal(same ? known.number : "conflict");
              break;
            }
            case "stranger": {
              await ready();
              const answer = await acceptors[next.client]!.submit({
                token: world.token,
                chat: 2_000_000,
                body: "x",
                requestId: "r",
              });
              expect(answer.kind).to.equal("unknown-chat");
              break;
            }
            case "store":
              await storeAll();
              break;
            case "cut": {
              const bodies = Array.from({ length: 20 }, () => `message ${sent++}`);
              const sending = Promise.all(bodies.map((body) => submit(acceptors[1]!, chats[0], body)));
              await new Promise((resolve) => setImmediate(resolve));
              await proxy.cut();
              await proxy.restore();
              await sending;
              break;
            }
            case "restart":
              await world.server.kill();
              await world.server.start();
              await ready();
              break;
            case "forget":
              await storeAll();
              await side.redis.flushall();
              firstUse.clear();
              run++;
              break;
          }
        }
        await storeAll();
        for (const each of chats) {
          const rows = await world.stored(each);
          const numbers = Object.keys(rows).map(Number);
          expect(numbers).to.deep.equal(numbers.map((_, index) => index + 1));
          expect(new Set(Object.values(rows)).size, "each message once").to.equal(numbers.length);
          for (const { number, body } of acknowledged.filter((entry) => entry.chat === each))
            expect(rows[number]).to.equal(body);
        }
      }),
      { numRuns: 20 },
    );
    await proxy.close();
  });
});
