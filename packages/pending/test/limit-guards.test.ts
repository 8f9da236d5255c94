import type { Submission } from "@confab/pending";
import { expect } from "chai";
import { describeGuarded } from "./guarded.ts";
import { noLimits, send, type Chat } from "./world.ts";

const messageTo = ({ token, number }: Chat, more: Partial<Submission> = {}): Submission => ({
  token,
  chat: number,
  body: "x",
  requestId: "r",
  ...more,
});

describeGuarded("the promises of the acceptor under faults", [
  {
    promise: "idempotency keys expire after 1 to 1.5 lifetimes",
    guard: {
      script: "accept",
      guard: "redis.call('PEXPIREAT', hashKey, string.format('%d', (window + 3) * half))",
      without: "",
    },
    async scenario({ world, chat, side }) {
      const idempotency = { key: "k", hash: "h".repeat(43) };
      await side.acceptor().submit(messageTo(chat, { idempotency }));
      const keys = await side.redis.keys(`${world.prefix}idem:*`);
      expect(keys).to.have.length(1);
      expect(await side.redis.ttl(keys[0]!)).to.be.within(3600 - 5, 1.5 * 3600);
    },
  },
  {
    promise: "an application that has used up its idempotency keys is refused only new keys",
    guard: { script: "accept", guard: "isOwn and waitOf(keysTat, keyInterval, keyCapacity) > 0.001", without: "false" },
    async scenario({ chat, side }) {
      const acceptor = side.acceptor({ limits: { ...noLimits, maxIdempotencyKeys: 4 } });
      const keyed = (key: string) => acceptor.submit(messageTo(chat, { idempotency: { key, hash: "h".repeat(43) } }));
      const outcomes = [];
      for (const key of ["a", "b", "c", "a"]) outcomes.push((await keyed(key)).kind);
      expect(outcomes).to.deep.equal(["accepted", "accepted", "keys-used-up", "accepted"]);
      expect(await send(acceptor, chat, "without a key")).to.deep.equal([3]);
    },
  },
  {
    promise: "a user who has used up the share of a user is refused, and others are not",
    guard: { script: "accept", guard: "elseif bucket and isUsedUp(bucket) then", without: "elseif false then" },
    async scenario({ chat, side }) {
      const limits = { ...noLimits, applicationMessageRate: 1, applicationMessageBurst: 8, userShare: 0.25 };
      const acceptor = side.acceptor({ limits });
      const outcomes = [];
      for (const user of ["mallory", "mallory", "mallory", "alice", undefined]) {
        const message = messageTo(chat, { user });
        outcomes.push((await acceptor.submit(message)).kind);
      }
      expect(outcomes).to.deep.equal(["accepted", "accepted", "limited", "accepted", "accepted"]);
    },
  },
  {
    promise: "after Redis' clock steps back, nobody waits longer than for an empty bucket",
    guard: { script: "accept", guard: ", clock + capacity)", without: ", 1e18)" },
    async scenario({ world, chat, side }) {
      const acceptor = side.acceptor({
        limits: { ...noLimits, applicationMessageRate: 100, applicationMessageBurst: 2 },
      });
      const submit = () => acceptor.submit(messageTo(chat));
      await submit();
      // Sets the value that the bucket has after the clock has stepped back by an hour.
      await side.redis.set(`${world.prefix}quota:${chat.token}`, Date.now() + 3_600_000);
      expect(await submit())
        .to.have.property("waitMs")
        .that.is.at.most(20);
    },
  },
  {
    promise: "a refused message uses no number",
    guard: { script: "accept", guard: "result = 'limited'", without: "result = 'limited' last = last + 1" },
    async scenario({ chat, side }) {
      const narrow = side.acceptor({ limits: { ...noLimits, applicationMessageRate: 1, applicationMessageBurst: 2 } });
      const outcomes = await Promise.all(["a", "b", "c", "d"].map((body) => narrow.submit(messageTo(chat, { body }))));
      expect(outcomes.map(({ kind }) => kind)).to.deep.equal(["accepted", "accepted", "limited", "limited"]);
      expect(await send(side.acceptor(), chat, "e")).to.deep.equal([3]);
    },
  },
  {
    promise: "the same idempotency key gives one number",
    guard: { script: "accept", guard: "if seen then return seen end", without: "" },
    async scenario({ chat, side }) {
      const acceptor = side.acceptor();
      const repeat = () => acceptor.submit(messageTo(chat, { idempotency: { key: "k", hash: "h" } }));
      const answers = await Promise.all(Array.from({ length: 50 }, repeat));
      expect(new Set(answers.map((answer) => answer.kind === "accepted" && answer.number))).to.deep.equal(new Set([1]));
    },
  },
]);
