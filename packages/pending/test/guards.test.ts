import { stat, truncate, readdir } from "node:fs/promises";
import { join } from "node:path";
import { eventually, startProxy } from "@confab/testkit";
import { expect } from "chai";
import { encodeBatch } from "../src/encode-batch.ts";
import { createBatchId } from "../src/batch-id.ts";
import { guardKeys } from "../src/scripts.ts";
import { describeGuarded, type Guarded } from "./guarded.ts";
import { noLimits, noReadLimits, send, withServer, type Mutation } from "./world.ts";

const trustedHead: Mutation = {
  script: "accept",
  guard: "local current = others ~= nil and string.sub(others, -#incarnation) == incarnation",
  without: "local current = id",
};

/** Each scenario breaks something. */
const scenarios: Guarded[] = [
  {
    promise: "a batch that is sent again gets the first reply and is stored once",
    guard: { script: "accept", guard: "if known then return replyWith(known) end", without: "" },
    async scenario({ world, chat, side }) {
      await send(side.acceptor(), chat, "first");
      const entry = { token: chat.token, chat: chat.number, body: "again", requestId: "r" };
      const batch = encodeBatch(world.prefix, createBatchId(Date.now()), [entry], noLimits, Date.now());
      const accept = () => side.redis.confabAccept(...guardKeys(world.prefix), ...batch.args);
      const answers = [await accept(), await accept()];
      expect(answers.map((answer) => batch.parse(answer)[0]?.result)).to.deep.equal([2, 2]);
      await world.store(side);
      expect(await world.stored(chat)).to.deep.equal({ 1: "first", 2: "again" });
    },
  },
  {
    promise: "after FLUSHALL the next number is MAX + 1, without a restart",
    guard: { script: "accept", guard: "last = math.max(last, tonumber(loadedLast))", without: "" },
    async scenario({ world, chat, side }) {
      const acceptor = side.acceptor();
      await send(acceptor, chat, "a", "b", "c");
      await world.store(side);
      await side.redis.flushall();
      expect(await send(acceptor, chat, "d")).to.deep.equal([4]);
      await world.store(side);
      expect(await world.stored(chat)).to.deep.equal({ 1: "a", 2: "b", 3: "c", 4: "d" });
    },
  },
  {
    promise: "a Redis that restarts with a truncated AOF reissues no stored number",
    guard: trustedHead,
    async scenario({ world, chat, side }) {
      const acceptor = side.acceptor();
      await send(acceptor, chat, "a");
      await world.store(side);
      const folder = join(world.dir, "data/appendonlydir");
      const log = join(
        folder,
        (await readdir(folder)).find((name) => name.endsWith(".incr.aof"))!,
      );
      const { size } = await stat(log);
      await send(acceptor, chat, "b", "c");
      await world.store(side);
      await world.server.kill();
      await truncate(log, size + 10);
      await world.server.start();
      await eventually(() => side.redis.ping());
      expect(await send(acceptor, chat, "d")).to.deep.equal([4]);
      await world.store(side);
      expect(await world.stored(chat)).to.deep.equal({ 1: "a", 2: "b", 3: "c", 4: "d" });
    },
  },
  {
    promise: "a stale replica that is promoted reissues no stored number",
    guard: trustedHead,
    scenario: ({ world, chat, side }) =>
      withServer([], async (replica) => {
        const acceptor = side.acceptor();
        await send(acceptor, chat, "a");
        const link = await startProxy({ target: world.server.url });
        const other = await world.connect(replica);
        await other.redis.replicaof("127.0.0.1", link.port);
        await eventually(async () => {
          expect(await other.redis.info("replication")).to.include("master_link_status:up");
          expect(await other.redis.get(`${world.prefix}head:${chat.token}:${chat.number}`)).to.match(/^\d+ 1 /);
        });
        await link.cut();
        await world.store(side);
        await send(acceptor, chat, "b", "c");
        await world.store(side);
        await world.server.kill();
        await other.redis.replicaof("NO", "ONE");
        expect(await send(other.acceptor(), chat, "d")).to.deep.equal([4]);
        await link.close();
      }),
  },
  {
    promise: "a head that was loaded before Redis lost its data is not trusted afterwards",
    guard: { script: "accept", guard: "loadedUnder == incarnation then", without: "loadedUnder then" },
    async scenario({ world, chat, side }) {
      // The slow acceptor queried the database while it was still empty. Meanwhile numbers are assigned, stored and lost.
      let meanwhile: (() => Promise<void>) | undefined = async () => {
        await send(side.acceptor(), chat, "a", "b");
        await world.store(side);
        await side.redis.flushall();
        await send(side.acceptor(), await world.createChat(), "other");
      };
      const slow = side.acceptor({
        loadHead: async () => {
          const rows = Object.keys(await world.stored(chat)).length;
          await meanwhile?.();
          meanwhile = undefined;
          return { id: chat.id, lastNumber: rows, epoch: 0 };
        },
      });
      expect(await send(slow, chat, "c")).to.deep.equal([3]);
    },
  },
  {
    promise: "a number that is stored between the query of MySQL and the call of Redis is not missed",
    guard: {
      script: "complete",
      guard: "if last < chat.last then",
      without: "if false then",
    },
    async scenario({ world, chat, side }) {
      await send(side.acceptor(), chat, "a", "b");
      // The head is lost while its messages are pending, as if it had expired.
      await side.redis.del(`${world.prefix}head:${chat.token}:${chat.number}`);
      const slow = side.acceptor({
        loadHead: async () => {
          await world.store(side);
          return { id: chat.id, lastNumber: 0, epoch: 0 };
        },
      });
      expect(await send(slow, chat, "c")).to.deep.equal([3]);
    },
  },
  {
    promise: "a head that is lost while messages are pending is restored from them",
    guard: {
      script: "accept",
      guard: "last = math.max(last, tonumber(string.match(newest, '^%d+ (%d+) ') or 0))",
      without: "",
    },
    async scenario({ world, chat, side }) {
      const acceptor = side.acceptor();
      await send(acceptor, chat, "a", "b");
      await side.redis.del(`${world.prefix}head:${chat.token}:${chat.number}`);
      expect(await send(acceptor, chat, "c")).to.deep.equal([3]);
    },
  },
  {
    promise: "a head that is lost while two batches are pending is restored, even after the first is complete",
    guard: {
      script: "accept",
      guard: "last = math.max(last, tonumber(string.match(newest, '^%d+ (%d+) ') or 0))",
      without: "",
    },
    async scenario({ world, chat, side }) {
      const acceptor = side.acceptor();
      await send(acceptor, chat, "a", "b", "c");
      await side.redis.del(`${world.prefix}head:${chat.token}:${chat.number}`);
      await world.store(side, 2);
      expect(await send(acceptor, chat, "d")).to.deep.equal([4]);
      await world.store(side);
      expect(await world.stored(chat)).to.deep.equal({ 1: "a", 2: "b", 3: "c", 4: "d" });
    },
  },
  {
    promise: "MySQL learns where a numbering began, even if the first of its batches is lost",
    guard: {
      script: "accept",
      guard: "string.format('%s %d%s', id, last, others)",
      without: "string.format('%s %d%s', id, last, (string.gsub(others, '[+]', '')))",
    },
    async scenario({ world, chat, side }) {
      await send(side.acceptor(), chat, "a", "b");
      await world.loseFirst(side);
      await world.store(side);
      expect(await world.beginnings(chat)).to.deep.equal([1]);
    },
  },
  {
    promise: "a numbering whose only batch was lost is named by the next one",
    guard: {
      script: "complete",
      guard: "redis.call('EXISTS', prefix .. 'records:' .. batch.id) == 1 then",
      without: "true then",
    },
    async scenario({ world, chat, side }) {
      const acceptor = side.acceptor();
      await send(acceptor, chat, "a");
      await world.loseFirst(side);
      await send(acceptor, chat, "b");
      await world.store(side);
      expect(await world.beginnings(chat)).to.deep.equal([1]);
      await send(acceptor, chat, "c");
      const ids = await side.backlog.overdue(0, { offset: 0, limit: 10 });
      const [later] = (await side.backlog.read(ids, noReadLimits)).batches;
      expect(later?.numberings, "it is stored").to.deep.equal([]);
    },
  },
  {
    promise: "a batch whose index has lost lines leaves no message counted as pending",
    guard: { script: "complete", guard: "redis.call('SET', prefix .. 'pending', 0, 'XX')", without: "" },
    async scenario({ world, chat, side }) {
      await send(side.acceptor(), chat, "a", "b");
      const ids = await side.backlog.overdue(0, { offset: 0, limit: 10 });
      await side.redis.hset(`${world.prefix}batch:${ids[0]!}`, "chats", "");
      await side.backlog.complete({ ids: [ids[0]!] });
      expect((await side.backlog.depth()).pending, "a batch is open").to.equal(2);
      await side.backlog.complete({ ids });
      expect((await side.backlog.depth()).pending).to.equal(0);
    },
  },
  {
    promise: "a head does not expire while messages are pending",
    guard: {
      script: "accept",
      guard: "redis.call('MSET', unpack(newHeads))",
      without: "redis.call('SET', newHeads[1], newHeads[2], 'KEEPTTL')",
    },
    async scenario({ world, chat, side }) {
      const head = `${world.prefix}head:${chat.token}:${chat.number}`;
      await send(side.acceptor(), chat, "a");
      await world.store(side);
      expect(await side.redis.ttl(head)).to.be.within(1, 7 * 24 * 3600);
      await send(side.acceptor(), chat, "b", "c");
      expect(await side.redis.ttl(head)).to.equal(-1);
      await world.store(side, 1);
      expect(await side.redis.ttl(head), "after one of two batches is complete").to.equal(-1);
    },
  },
  {
    promise: "an idle head expires",
    guard: {
      script: "complete",
      guard: "redis.call('EXPIRE', prefix .. 'head:' .. reference, keepHead)",
      without: "redis.call('PERSIST', prefix .. 'head:' .. reference)",
    },
    async scenario({ world, chat, side }) {
      await send(side.acceptor(), chat, "a");
      await world.store(side);
      expect(await side.redis.ttl(`${world.prefix}head:${chat.token}:${chat.number}`)).to.be.above(0);
    },
  },
  {
    promise: "completing an older batch does not lower the head",
    guard: {
      script: "complete",
      guard: "if last < chat.last then",
      without: "if true then",
    },
    async scenario({ world, chat, side }) {
      await send(side.acceptor(), chat, "a", "b");
      await world.store(side, 1);
      expect(await send(side.acceptor(), chat, "c")).to.deep.equal([3]);
    },
  },
  {
    promise: "a batch that is sent again after its completion gets the first reply",
    guard: { script: "complete", guard: "redis.call('HSET', batchKey, 'results', batch.results or '')", without: "" },
    async scenario({ world, chat, side }) {
      await send(side.acceptor(), chat, "first");
      const entry = { token: chat.token, chat: chat.number, body: "again", requestId: "r" };
      const batch = encodeBatch(world.prefix, createBatchId(Date.now()), [entry], noLimits, Date.now());
      const accept = () => side.redis.confabAccept(...guardKeys(world.prefix), ...batch.args);
      const numberIn = (reply: string) => batch.parse(reply)[0]?.result;
      expect(numberIn(await accept())).to.equal(2);
      await world.store(side);
      expect(await side.redis.ttl(`${world.prefix}batch:${batch.id}`)).to.be.within(60, 120);
      expect(numberIn(await accept())).to.equal(2);
      expect(await world.stored(chat)).to.deep.equal({ 1: "first", 2: "again" });
    },
  },
];

describeGuarded("the promises of the acceptor under faults", scenarios);
