import { setTimeout as pause } from "node:timers/promises";
import { createDeadLetters, createErasures } from "@confab/database";
import { createPendingErasure } from "@confab/pending";
import { eventually, useForEach } from "@confab/testkit";
import { asNewer, renamable } from "@confab/testkit/world";
import { expect } from "chai";
import { start, type Running } from "./start.ts";

type Chat = Awaited<ReturnType<Running["createChat"]>>;

describe("messages that a newer version accepted, with a field that this one does not know", function () {
  this.timeout(30_000);
  const world = useForEach(() => start({ ERASURE_SETTLE_TIME: "500ms" }));

  /**
   * Accepts a message of a newer version. The returned function turns it into a message of this version, as if this
   * worker were upgraded.
   */
  async function acceptNewer(chat: Chat, body: string, sender?: string): Promise<() => Promise<unknown>> {
    const message = { token: world.token, chat: chat.number, body, sender, requestId: "newer", ...renamable };
    expect(await world.submitRun([message])).to.have.nested.property("[0].kind", "accepted");
    const id = (await world.backlogs[0]!.overdue(0, { offset: 0, limit: 100 })).at(-1)!;
    const key = `${world.prefix}records:${id}`;
    const record = (await world.redis.get(key))!;
    await world.redis.set(key, asNewer(id, { token: world.token, number: chat.number }, record));
    return () => world.redis.set(key, record);
  }

  /** Adds one job for all batches, like ingest under load. */
  async function wakeTogether(): Promise<void> {
    await world.redis.unlink(await world.redis.keys(`${world.prefix}messages:*`));
    const ids = await world.backlogs[0]!.overdue(0, { offset: 0, limit: 100 });
    await world.backlogs[0]!.noteWokenTogether(ids);
    await world.producer.wakeBatches(0, ids);
  }

  it("stay pending until a newer worker stores them, delay no other batch, and are reported once", async () => {
    const chat = await world.createChat();
    const upgrade = await acceptNewer(chat, "newer");
    for (const body of ["before", "between", "after"]) await world.send(chat, body);
    await wakeTogether();
    world.run();
    await eventually(async () =>
      expect(await world.stored(chat)).to.deep.equal({ 2: "before", 3: "between", 4: "after" }),
    );
    await eventually(async () =>
      expect(await world.metric("confab_batches_requeued_total"), "sweeps").to.be.greaterThan(2),
    );
    expect((await world.backlogs[0]!.depth()).pending).to.equal(1);
    expect(await createDeadLetters(world.direct).count()).to.equal(0);
    expect(await world.metric("confab_batches_newer_total")).to.equal(1);
    expect(world.lines.filter(({ message }) => String(message).startsWith("a newer version"))).to.have.length(1);
    expect(world.lines.filter(({ message }) => /job failed|storing waits/.test(String(message)))).to.deep.equal([]);

    await upgrade();
    await eventually(async () => {
      expect(await world.stored(chat)).to.include({ 1: "newer" });
      expect((await world.backlogs[0]!.depth()).pending).to.equal(0);
    });
  });

  it("are erased with their sender when they are stored, and the erasure waits for that", async () => {
    const chat = await world.createChat();
    const upgrade = await acceptNewer(chat, "newer", "anna");
    const pendingErasure = createPendingErasure(world.redis, world.config.partitioning);
    const erasures = createErasures(world.direct);
    const { epoch } = (await erasures.eraseSender(world.token, "anna", { epochInRedis: 0 }))!;
    await pendingErasure.beginEpoch(world.token, epoch);
    world.run();
    await pause(2_500);
    expect(await erasures.findSender(world.token, "anna")).to.have.property("finishedAt", null);

    await upgrade();
    await eventually(
      async () => expect((await erasures.findSender(world.token, "anna"))?.finishedAt).to.not.equal(null),
      { timeoutMs: 15_000 },
    );
    expect(await world.stored(chat)).to.deep.equal({ 1: "" });
  });
});
