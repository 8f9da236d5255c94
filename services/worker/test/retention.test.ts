import { randomBytes } from "node:crypto";
import {
  createApplications,
  createBatchStore,
  createRetention,
  previewRetention,
  verifyCounts,
  type Retention,
} from "@confab/database";
import { eventually, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { createRetaining } from "../src/schedules/retain.ts";
import { start, type Running } from "./start.ts";

type Chat = Awaited<ReturnType<Running["createChat"]>>;

const dayMs = 86_400_000;

describe("retention by a worker", function () {
  this.timeout(60_000);
  const world = useForEach(() => start({ RETENTION_INTERVAL: "100ms" }));

  const limit = (token: string, retentionDays: number | null) =>
    createApplications(world.direct).change(token, { retentionDays });
  /** Stores messages of these ages in days. */
  async function store({ id: chatId, token, number: chat }: Chat, ages: readonly number[], first = 1): Promise<void> {
    const messages = ages.map((age, at) => ({
      token,
      chat,
      chatId,
      number: first + at,
      uid: randomBytes(16),
      body: `text ${first + at}`,
      sender: "anna",
      createdAt: new Date(Date.now() - age * dayMs),
    }));
    await createBatchStore(world.direct).store([{ id: randomBytes(16), messages }]);
  }
  const left = async ({ id: chatId }: Chat): Promise<number[]> =>
    (
      await world.direct.prisma.message.findMany({ where: { chatId, deletedAt: null }, orderBy: { number: "asc" } })
    ).map(({ number }) => number);
  const state = () => world.direct.prisma.retentionState.findFirstOrThrow();
  const wrongCounts = async () => {
    const found = [];
    for await (const difference of verifyCounts(world.direct)) found.push(difference);
    return found;
  };
  const retaining = (retention = createRetention(world.direct), intervalMs = 1) =>
    createRetaining({
      retention,
      intervalMs,
      rowsPerSecond: 1_000_000,
      isUnavailable: () => false,
      metrics: world.metrics,
    });
  const free = () => world.direct.prisma.retentionState.updateMany({ data: { claimedUntil: null } });
  /** Returns the numbers of the messages that a search finds. */
  const found = async ({ id: chatId }: Chat): Promise<number[]> => {
    const { hits } = await world.search.search({ chatId, q: "text", limit: 50 });
    return hits.map(({ number }) => number).sort((a, b) => a - b);
  };
  /** Returns the same steps, with `before` called before and `after` after each of them. */
  function watched(steps: Retention, { before, after }: { before?: (step: string) => void; after?: () => void }) {
    return new Proxy(steps, {
      get: (target, name, receiver) => {
        const step = Reflect.get(target, name, receiver) as (...args: unknown[]) => Promise<unknown>;
        return async (...args: unknown[]) => {
          before?.(String(name));
          const result = await step(...args);
          after?.();
          return result;
        };
      },
    });
  }

  it("deletes what is over the limit, and search, counts and changes follow", async () => {
    world.run();
    const [chat, other] = [await world.createChat(), await world.newChat()];
    await store(chat, [40, 31, 29]);
    await store(other, [400]);
    await eventually(async () => expect(await found(chat)).to.deep.equal([1, 2, 3]));
    await limit(chat.token, 30);
    await eventually(async () => {
      expect(await left(chat)).to.deep.equal([3]);
      expect(await found(chat)).to.deep.equal([3]);
      expect(await world.metric("confab_messages_expired_total")).to.equal(2);
      expect((await state()).behindSeconds).to.equal(0n);
    });
    expect(await world.direct.prisma.messageChange.count({ where: { chatId: chat.id } })).to.equal(2);
    expect([await left(other), await found(other)]).to.deep.equal([[1], [1]]);
    expect(await wrongCounts()).to.deep.equal([]);
    expect(await world.send(chat, "next"), "numbers continue").to.deep.equal([4]);
  });

  it("leaves pending messages alone until they are stored", async () => {
    const chat = await world.createChat();
    await limit(chat.token, 30);
    await world.send(chat, "text 1", "text 2");
    const time = () => Promise.resolve(new Date(Date.now() + 31 * dayMs));
    const later = retaining({ ...createRetention(world.direct), time });
    await later.run();
    expect(Number(await world.redis.get(`${world.prefix}pending`)), "pending messages").to.equal(2);
    world.run();
    await eventually(async () => expect(await left(chat)).to.deep.equal([1, 2]));
    await world.pause();
    await free();
    await later.run();
    expect(await left(chat)).to.deep.equal([]);
    expect((await world.direct.prisma.chat.findUniqueOrThrow({ where: { id: chat.id } })).lastMessageNumber).to.equal(
      2,
    );
  });

  it("deletes exactly what the preview counted", async () => {
    const [first, second, kept] = [await world.createChat(), await world.createChat(), await world.createChat()];
    await limit(first.token, 30);
    await world.chats.change(second.token, second.number, { retentionDays: 10 });
    await world.chats.change(kept.token, kept.number, { retentionDays: 0 });
    await store(first, Array<number>(1_203).fill(40));
    await store(second, [40, 20, 5]);
    await store(kept, [40]);
    const counted = [];
    for await (const { chatNumber, messages } of previewRetention(world.direct)) counted.push([chatNumber, messages]);
    expect(counted).to.have.deep.members([
      [first.number, 1_203],
      [second.number, 2],
    ]);
    await retaining().run();
    expect(await world.metric("confab_messages_expired_total")).to.equal(1_205);
    expect([await left(first), await left(second), await left(kept)]).to.deep.equal([[], [3], [1]]);
    expect((await state()).behindSeconds).to.equal(0n);
    expect(await wrongCounts()).to.deep.equal([]);
  });

  it("comes to the same end, although its worker dies after any step", async () => {
    let died = 0;
    for (let last = 1; died === last - 1; last++) {
      const chats = [await world.newChat(), await world.newChat()];
      for (const chat of chats) {
        await limit(chat.token, 30);
        await store(chat, [...Array<number>(501).fill(40), 1]);
      }
      let steps = 0;
      const after = (): void => {
        steps += 1;
        if (steps >= last) throw new Error("the worker died");
      };
      await retaining(watched(createRetention(world.direct), { after }))
        .run()
        .catch(() => (died += 1));
      await free();
      await retaining().run();
      for (const chat of chats) {
        expect(await left(chat), `died after step ${last}`).to.deep.equal([502]);
        expect(await world.direct.prisma.messageChange.count({ where: { chatId: chat.id } }), "once each").to.equal(
          501,
        );
      }
      expect((await state()).behindSeconds).to.equal(0n);
      await free();
    }
    expect(died).to.be.above(8);
    expect(await wrongCounts()).to.deep.equal([]);
  });

  it("is carried out by one of two workers per interval, and by both without harm", async () => {
    const chat = await world.createChat();
    await limit(chat.token, 30);
    await store(chat, Array<number>(1_300).fill(40));
    const runs: string[] = [];
    const worker = (name: string) =>
      retaining(watched(createRetention(world.direct), { before: (step) => runs.push(`${name} ${step}`) }), 60_000);
    await Promise.all([worker("a").run(), worker("b").run()]);
    expect(new Set(runs.filter((step) => step.endsWith("look"))).size, "one of them looks").to.equal(1);
    expect(await left(chat)).to.deep.equal([]);
    await store(chat, Array<number>(1_300).fill(40), 1_301);
    await worker("c").run();
    expect(await left(chat), "the interval is not over").to.have.length(1_300);

    /** As if a worker had been silent for longer than its claim. */
    const unclaimed = { ...createRetention(world.direct), claim: () => Promise.resolve(true) };
    await Promise.all([retaining(unclaimed).run(), retaining(unclaimed).run()]);
    expect(await left(chat)).to.deep.equal([]);
    expect(await world.direct.prisma.messageChange.count({ where: { chatId: chat.id } })).to.equal(2_600);
    expect(await world.metric("confab_messages_expired_total")).to.equal(2_600);
    expect(await wrongCounts()).to.deep.equal([]);
  });

  it("continues after a chat that fails, reports it, and says how far it is behind", async () => {
    const [bad, good] = [await world.newChat(), await world.newChat()];
    for (const chat of [bad, good]) await limit(chat.token, 30);
    await store(bad, [33]);
    await store(good, [31]);
    const steps = createRetention(world.direct);
    const failing: Retention = {
      ...steps,
      expire: (id, now) => (id === bad.id ? Promise.reject(new Error("it fails")) : steps.expire(id, now)),
    };
    const error = await retaining(failing)
      .run()
      .catch((reason: unknown) => reason);
    expect(error).to.have.property("message", "retention failed in 1 chats");
    expect([await left(bad), await left(good)]).to.deep.equal([[1], []]);
    expect(Number((await state()).behindSeconds)).to.be.within((3 * dayMs) / 1_000, (3 * dayMs) / 1_000 + 600);
    await free();
    const down: Retention = { ...failing, look: () => Promise.reject(new Error("MySQL is unavailable")) };
    const { checkedAt } = await state();
    await retaining(down)
      .run()
      .catch(() => undefined);
    expect((await state()).checkedAt, "a failed look is none").to.deep.equal(checkedAt);
    await free();
    await retaining().run();
    expect([await left(bad), (await state()).behindSeconds]).to.deep.equal([[], 0n]);
  });

  it("ends soon when the worker stops, and continues in the next one", async () => {
    const chat = await world.createChat();
    await limit(chat.token, 30);
    await store(chat, Array<number>(1_300).fill(40));
    const stopping = retaining(
      watched(createRetention(world.direct), {
        before: (step) => {
          if (step === "expire") stopping.stop();
        },
      }),
      60_000,
    );
    await stopping.run();
    expect(await left(chat)).to.have.length(800);
    await retaining().run();
    expect(await left(chat)).to.deep.equal([]);
  });

  it("exports how far it is behind, and when a worker last looked", async () => {
    const gauge = async (name: string) => (await world.metrics.registry.getSingleMetric(name)!.get()).values[0]?.value;
    const checkedAt = new Date(Date.now() - 7_200_000);
    await world.direct.prisma.retentionState.updateMany({
      data: { behindSeconds: 5_000, checkedAt, claimedUntil: new Date(Date.now() + 60_000) },
    });
    world.run();
    await eventually(async () => {
      expect(await gauge("confab_retention_behind_seconds")).to.equal(5_000);
      expect(await gauge("confab_retention_check_age_seconds")).to.be.within(7_200, 7_800);
    });
  });
});
