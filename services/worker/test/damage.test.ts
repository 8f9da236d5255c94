import { createErasures } from "@confab/database";
import { createPendingErasure, createPendingMessages } from "@confab/pending";
import { eventually, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { start } from "./start.ts";

const recordBytes = 32;

describe("a flipped bit in Redis", function () {
  this.timeout(120_000);
  const world = useForEach(() => start({ ERASURE_SETTLE_TIME: "300ms" }));

  /** Sends a message to each of the chats, in one batch. */
  async function sendTogether(chats: readonly { token: string; number: number }[], body: string) {
    const known = await openBatches();
    const outcomes = await world.submitRuns(
      chats.map(({ token, number }) => [{ token, chat: number, body: `${body} to ${number}`, requestId: "request" }]),
    );
    for (const runs of outcomes) {
      if (runs instanceof Error) throw runs;
      for (const run of runs) expect(run.kind).to.equal("accepted");
    }
    return (await openBatches()).filter((id) => !known.includes(id));
  }
  const openBatches = (): Promise<string[]> => world.redis.zrange(`${world.prefix}batches`, "0", "-1");

  const textsOfLetters = async (): Promise<string[]> =>
    (await world.direct.prisma.deadLetter.findMany()).map(({ body }) => Buffer.from(body).toString());

  async function flip(key: string, bit: number, field?: string): Promise<void> {
    if (field === undefined) await world.redis.set(key, flipped((await world.redis.getBuffer(key))!, bit));
    else await world.redis.call("HSET", key, field, flipped((await world.redis.hgetBuffer(key, field))!, bit));
  }

  /**
   * Expects that the messages of a chat are those that were sent, unless they are dead letters, and nothing is pending
   * any more.
   */
  async function expectKept(
    chats: readonly { token: string; number: number; id: bigint }[],
    bodies: readonly string[],
  ) {
    world.run();
    await eventually(async () => expect(await openBatches()).to.deep.equal([]), { timeoutMs: 90_000 });
    const letters = await world.direct.prisma.deadLetter.findMany();
    const lettersOf = ({ token, number }: { token: string; number: number }) =>
      letters.filter((letter) => letter.token === token && letter.chatNumber === number);
    for (const chat of chats) {
      const stored = await world.stored(chat);
      const missing = bodies.map((_, at) => at + 1).filter((number) => stored[number] === undefined);
      for (const [number, body] of Object.entries(stored))
        expect(body).to.equal(`${bodies[Number(number) - 1]!} to ${chat.number}`);
      expect(lettersOf(chat).map(({ number }) => number)).to.have.members(missing);
      for (const { reason } of lettersOf(chat)) expect(reason).to.include("its checksum does not match");
    }
    expect(await world.backlogs[0]!.depth()).to.deep.equal({ pending: 0, oldestAgeMs: undefined });
    expect(await world.redis.keys(`${world.prefix}pending:*`)).to.deep.equal([]);
    return letters.length;
  }

  it("in the beginning of a record makes it a dead letter, and no other message", async () => {
    const chats = [await world.createChat(), await world.createChat()];
    const pending = createPendingMessages(world.redis, world.config.partitioning);
    // Together they are accepted once Redis knows them.
    const bodies = ["first"];
    await sendTogether(chats, "first");
    for (let bit = 0; bit < 8 * recordBytes; bit++) {
      // The record is longer than its beginning, however few digits its checksum has.
      bodies.push(`${"0".repeat(recordBytes)} bit ${bit}`);
      const [batch] = await sendTogether(chats, bodies.at(-1)!);
      await flip(`${world.prefix}records:${batch!}`, bit);
      const page = await pending.read(chats[0]!, [bodies.length]);
      expect(page.messages.size, `bit ${bit} is shown`).to.equal(0);
    }
    expect(await expectKept(chats, bodies)).to.equal(8 * recordBytes);
  });

  it("in the index of a batch changes no message", async () => {
    const chats = [await world.createChat(), await world.newChat(), await world.createChat()];
    const pending = createPendingMessages(world.redis, world.config.partitioning);
    const bodies = ["first"];
    await sendTogether(chats, "first");
    for (let bit = 0, bits = 1; bit < bits; bit++) {
      bodies.push(`bit ${bit}`);
      const [batch, ...others] = await sendTogether(chats, bodies.at(-1)!);
      expect(others).to.deep.equal([]);
      const key = `${world.prefix}batch:${batch!}`;
      bits = 8 * (await world.redis.hgetBuffer(key, "chats"))!.length;
      await flip(key, bit, "chats");
      for (const chat of chats) {
        const page = await pending.read(chat, [bodies.length]);
        expect(page.messages.get(bodies.length)?.body).to.equal(`bit ${bit} to ${chat.number}`);
      }
    }
    expect(bodies.length).to.be.greaterThan(1000);
    expect(await expectKept(chats, bodies)).to.equal(0);
    expect(world.lines.filter(({ message }) => String(message).includes("damaged index"))).to.not.deep.equal([]);
  });

  it("in several places of a line makes its messages a dead letter, and keeps no erasure of its chat waiting", async () => {
    const chat = await world.createChat();
    const [batch] = await sendTogether([chat], "first");
    for (const byte of [2, 7, 39]) await flip(`${world.prefix}batch:${batch!}`, 8 * byte, "chats");
    world.run();
    await eventually(async () => expect(await openBatches()).to.deep.equal([]));
    const letters = await world.direct.prisma.deadLetter.findMany();
    expect(letters.map(({ token, chatId }) => [token.trim(), chatId])).to.deep.equal([["", null]]);
    expect(await world.backlogs[0]!.depth()).to.deep.equal({ pending: 0, oldestAgeMs: undefined });
    const erasures = createErasures(world.direct);
    await erasures.eraseChat(chat.token, chat.number);
    await eventually(
      async () => expect((await erasures.find(chat.token, chat.number))?.finishedAt).to.be.instanceOf(Date),
      { timeoutMs: 30_000 },
    );
    expect(await world.redis.keys(`${world.prefix}pending:*`)).to.deep.equal([]);
    expect(await textsOfLetters()).to.deep.equal([""]);
  });

  it("in a record leaves no text that an erasure of its sender cannot find", async () => {
    const chat = await world.createChat();
    await world.submit(chat, "my secret is 4711", "anna");
    const [batch] = await openBatches();
    await flip(`${world.prefix}records:${batch!}`, 8 * recordBytes);
    world.run();
    await eventually(async () => expect((await textsOfLetters()).join()).to.include("4711"));
    const erasures = createErasures(world.direct);
    const { epoch } = (await erasures.eraseSender(chat.token, "anna", { epochInRedis: 0 }))!;
    await createPendingErasure(world.redis, world.config.partitioning).beginEpoch(chat.token, epoch);
    await eventually(
      async () => expect((await erasures.findSender(chat.token, "anna"))?.finishedAt).to.be.instanceOf(Date),
      { timeoutMs: 30_000 },
    );
    expect(await textsOfLetters()).to.deep.equal([""]);
    const [letter] = await world.direct.prisma.deadLetter.findMany();
    expect(letter).to.include({ chatNumber: chat.number, number: 1 });
    expect(letter?.reason).to.include("its checksum does not match");
  });

  it("in the list of a chat's pending messages loses none, and leaves nothing behind", async () => {
    const chat = await world.createChat();
    const pending = createPendingMessages(world.redis, world.config.partitioning);
    const key = `${world.prefix}pending:${chat.token}:${chat.number}`;
    const bodies: string[] = [];
    for (let bit = 0, bits = 1; bit < bits; bit++) {
      bodies.push(`bit ${bit}`);
      await sendTogether([chat], bodies.at(-1)!);
      const range = Buffer.from((await world.redis.lindex(key, -1))!);
      bits = 8 * range.length;
      await world.redis.lset(key, -1, flipped(range, bit));
      const page = await pending.read(chat, [1, bodies.length + 1]);
      for (const [number, { body }] of page.messages) expect(body).to.equal(`${bodies[number - 1]!} to ${chat.number}`);
      expect(page.head?.last, bodies.at(-1)).to.equal(bodies.length);
    }
    expect(await expectKept([chat], bodies)).to.equal(0);
  });

  it("in the numberings of a batch leaves them to the next one", async () => {
    const chats: Awaited<ReturnType<typeof world.createChat>>[] = [];
    for (let bit = 0, bits = 1; bit < bits; bit++) {
      const both = [await world.createChat(), await world.createChat()];
      chats.push(...both);
      // Together they are accepted once Redis knows them.
      for (const id of await sendTogether(both, "first"))
        await world.redis.hdel(`${world.prefix}batch:${id}`, "numberings");
      const [batch] = await sendTogether(both, "second");
      const key = `${world.prefix}batch:${batch!}`;
      bits = 8 * (await world.redis.hgetBuffer(key, "numberings"))!.length;
      await flip(key, bit, "numberings");
    }
    const known = () => world.direct.prisma.chatNumbering.findMany();
    const beginnings = async () => new Map((await known()).map(({ chatId, fromNumber }) => [chatId, fromNumber]));
    expect(chats.length).to.be.greaterThan(500);
    expect(await expectKept(chats, ["first", "second"])).to.equal(0);
    expect((await beginnings()).size).to.be.within(1, chats.length - 1);
    for (const chat of chats) await world.send(chat, "third");
    await eventually(async () => expect(await openBatches()).to.deep.equal([]));
    const found = await beginnings();
    expect(chats.filter(({ id }) => found.get(id) !== 1)).to.deep.equal([]);
  });
});

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}
