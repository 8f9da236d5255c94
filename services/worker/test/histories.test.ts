import { createMessageChanges } from "@confab/database";
import { eventually, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { start } from "./start.ts";

describe("the earlier versions of a deleted message", () => {
  const world = useForEach(start);

  it("are deleted by a worker, also after those that noted them have stopped", async () => {
    const chat = await world.createChat();
    world.run();
    await world.send(chat, "first", "second");
    await eventually(async () => expect(Object.keys(await world.stored(chat))).to.have.lengthOf(2));
    await world.pause();
    const changes = createMessageChanges(world.direct);
    for (const number of [1, 2]) await changes.edit({ chatId: chat.id, number }, { body: "edited" });
    await changes.remove({ chatId: chat.id, number: 1 });
    world.run();
    const { prisma } = world.direct;
    await eventually(async () => expect(await prisma.removedHistory.count()).to.equal(0));
    const left = await prisma.messageVersion.findMany({ where: { chatId: chat.id } });
    expect(left.map(({ number, body }) => [number, body])).to.deep.equal([[2, "second"]]);
  });
});
