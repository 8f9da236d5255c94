import { createUuid7 } from "@confab/runtime";
import { expect } from "chai";
import type { Acceptance } from "@confab/pending";
import { describeGuarded, type Guarded } from "./guarded.ts";
import { noLimits, send, type Mutation, type World } from "./world.ts";

type Side = Awaited<ReturnType<World["connect"]>>;
type AcceptorOptions = Parameters<Side["acceptor"]>[0];

const minute = 60_000;
const hashOf = (body: string): string => body.replaceAll(" ", "-").padEnd(43, "_");
const shown = (answer: Acceptance) => ("number" in answer ? answer.number : answer.kind);

/** Sends messages with keys, and plays what time does to them. */
async function keyedWorld(world: World, options?: AcceptorOptions) {
  const chat = await world.createChat();
  const side = await world.connect();
  const acceptor = side.acceptor(options);
  const submission = (key: string | undefined, body = "hello", user?: string) => ({
    token: chat.token,
    chat: chat.number,
    body,
    requestId: "r",
    idempotency: key === undefined ? undefined : { key, hash: hashOf(body), user },
  });
  return {
    chat,
    side,
    acceptor,
    submission,
    submit: async (key: string, body?: string, user?: string) =>
      shown(await acceptor.submit(submission(key, body, user))),
    /** Redis forgets the keys, as it does after minutes. */
    forget: async (): Promise<void> => {
      const keys = await side.redis.keys(`${world.prefix}idem:*`);
      expect(keys).to.not.deep.equal([]);
      await side.redis.del(keys);
    },
    /** The batches that are open now were accepted this long ago. */
    age: async (ms: number): Promise<void> => {
      for (const id of await side.redis.zrange(`${world.prefix}batches`, 0, "-1")) {
        await side.redis.zincrby(`${world.prefix}batches`, String(-ms), id);
      }
    },
    store: () => world.store(side),
    stored: () => world.stored(chat),
  };
}

const neverDoubted: Mutation = {
  script: "accept",
  guard: "if time == 0 or time >= math.max(horizon, whenKeysBegan()) + skew then return nil end",
  without: "if true then return nil end",
};

const scenarios: Guarded[] = [
  {
    promise: "a repetition gets the first answer from MySQL when Redis has forgotten its key",
    guard: neverDoubted,
    async scenario({ world }) {
      const { submit, store, forget, stored } = await keyedWorld(world);
      const key = createUuid7(Date.now() - 10 * minute);
      expect(await submit(key)).to.equal(1);
      await store();
      await forget();
      expect(await submit(key)).to.equal(1);
      expect(await submit(key, "other")).to.equal("conflict");
      expect(await stored()).to.deep.equal({ 1: "hello" });
    },
  },
  {
    promise: "while the first message may still be pending, a forgotten key is refused and nothing is accepted",
    guard: { script: "accept", guard: "stored < horizon and 'open' or nil", without: "nil" },
    async scenario({ world }) {
      const { submit, store, forget, age, stored } = await keyedWorld(world);
      const key = createUuid7(Date.now() - 20 * minute);
      expect(await submit(key)).to.equal(1);
      await forget();
      await age(10 * minute);
      expect(await submit(key)).to.equal("key-open");
      // A new message is not affected.
      expect(await submit(createUuid7(), "new")).to.equal(2);
      await store();
      expect(await submit(key)).to.equal(1);
      expect(await stored()).to.deep.equal({ 1: "hello", 2: "new" });
    },
  },
  {
    promise: "after FLUSHALL, a repetition of a stored message gets its answer",
    guard: { script: "accept", guard: "math.max(horizon, whenKeysBegan()) + skew", without: "horizon + skew" },
    async scenario({ world }) {
      const { submit, store, side, stored } = await keyedWorld(world);
      const key = createUuid7();
      expect(await submit(key)).to.equal(1);
      await store();
      await side.redis.flushall();
      expect(await submit(key)).to.equal(1);
      expect(await stored()).to.deep.equal({ 1: "hello" });
    },
  },
  {
    promise: "an answer of MySQL from before a loss of Redis' data counts for nothing afterwards",
    guard: {
      script: "accept",
      guard: "if not askedAt or askedAt < whenKeysBegan() then",
      without: "if not askedAt then",
    },
    async scenario({ world }) {
      const key = createUuid7(Date.now() - 10 * minute);
      let interfere: (() => Promise<void>) | undefined;
      const { submit, store, stored, submission, side, chat } = await keyedWorld(world, {
        findKeys: async (ids) => {
          const found = await world.findKeys(ids);
          const act = interfere;
          interfere = undefined;
          await act?.();
          return found;
        },
      });
      // So that the head is known, and only the key is asked for.
      await send(side.acceptor(), chat, "before");
      await store();
      const other = side.acceptor();
      interfere = async () => {
        expect(shown(await other.submit(submission(key)))).to.equal(2);
        await store();
        await side.redis.flushall();
      };
      expect(await submit(key)).to.equal(2);
      await store();
      expect(await stored()).to.deep.equal({ 1: "before", 2: "hello" });
    },
  },
  {
    promise: "a message that is renumbered stays pending since it was accepted, and its key gives the new number",
    guard: { script: "complete", guard: "newScore = math.min(newScore,", without: "newScore = math.max(newScore," },
    async scenario({ world }) {
      const { submit, side, forget, age, store, chat } = await keyedWorld(world);
      const key = createUuid7(Date.now() - 20 * minute);
      expect(await submit(key)).to.equal(1);
      await age(10 * minute);
      const [id] = await side.backlog.overdue(0, { offset: 0, limit: 1 });
      const moves = [{ batchId: id!, record: 1, chatId: chat.id, lastNumber: 4 }];
      expect((await side.backlog.complete({ ids: [id!], moves })).moved).to.deep.equal([5]);
      expect(await submit(key)).to.equal(5);
      await forget();
      expect(await submit(key)).to.equal("key-open");
      await store();
      expect(await submit(key)).to.equal(5);
    },
  },
  {
    promise: "messages of one request keep their order, although one of them has a key that MySQL must be asked for",
    guard: { script: "accept", guard: "held = held or doubtOf", without: "held = doubtOf" },
    async scenario({ world }) {
      const { side, acceptor, submission, chat } = await keyedWorld(world);
      await send(side.acceptor(), chat, "before");
      const run = [undefined, createUuid7(Date.now() - 10 * minute), undefined, createUuid7(Date.now() + 59_000)];
      const answers = await acceptor.submitRun(run.map((key, at) => submission(key, `message ${at}`)));
      expect(answers.map(shown)).to.deep.equal([2, 3, 4, 5]);
    },
  },
  {
    promise: "a key from the future is kept for its whole life, as one without a time, and counts like one",
    guard: {
      script: "accept",
      guard: "return time >= clock - keepMs and time <= clock + skew",
      without: "return true",
    },
    async scenario({ world }) {
      const { side, submit } = await keyedWorld(world, { limits: { ...noLimits, maxIdempotencyKeys: 4 } });
      const [first, second, third] = [2, 3, 4].map((hours) => createUuid7(Date.now() + hours * 60 * minute));
      expect([await submit(first!), await submit(second!), await submit(third!)]).to.deep.equal([1, 2, "keys-used-up"]);
      expect(await submit(first!)).to.equal(1);
      for (const key of await side.redis.keys(`${world.prefix}idem:*`)) {
        expect(await side.redis.pttl(key)).to.be.at.least(59 * minute);
      }
    },
  },
  {
    promise: "when Redis' clock steps back across a window, a key without a time is found",
    guard: { script: "accept", guard: "for back = -1, 2 do", without: "for back = 0, 2 do" },
    async scenario({ world }) {
      const { side, submit } = await keyedWorld(world);
      expect(await submit("order-17")).to.equal(1);
      const [hash] = await side.redis.keys(`${world.prefix}idem:*`);
      // As if it had been accepted in the next window.
      await side.redis.rename(
        hash!,
        hash!.replace(/:(\d+):(..)$/, (_, window, slot) => `:${Number(window) + 1}:${slot}`),
      );
      expect(await submit("order-17")).to.equal(1);
    },
  },
];

describeGuarded("idempotency keys that carry a time", scenarios);
