import { messageSchema } from "@confab/contracts";
import { useForAll } from "@confab/testkit";
import { expect } from "chai";
import type { ReceivedEvent } from "./event-reader.ts";
import { readAs, startApi } from "./start.ts";
import { isCaughtUp, useStreamedChat } from "./streamed-chat.ts";
import { openWorldWithRedis } from "./world.ts";

describe("when MySQL has lost changes", function () {
  this.timeout(60_000);
  const world = useForAll(openWorldWithRedis);
  const api = useForAll(() => startApi(world, { REDIS_URL: world.server.url }));
  const { chat, open } = useStreamedChat(world, api);

  it("changes that MySQL has lost send readers back as well", async () => {
    await world.accept(chat, "one");
    await world.store();
    for (const body of ["uno", "eins", "un"]) await api.send("PATCH", `${chat.path}/1`, { body });
    const reader = await open("?after=0");
    await reader.until(isCaughtUp);
    const { prisma } = world.database;
    await prisma.messageChange.deleteMany({ where: { chatId: chat.id } });
    await prisma.messageChange.create({ data: { chatId: chat.id, changeNumber: 1, number: 1 } });
    await prisma.chat.update({ where: { id: chat.id }, data: { lastChangeNumber: 1 } });
    await prisma.message.updateMany({ where: { chatId: chat.id }, data: { changeNumber: 1, version: 2, body: "uno" } });
    await reader.until((events) => events.some(({ event }) => event === "reset"));
    expect(reader.events.at(-1)!.data).to.deep.equal({ chat_number: chat.number, number: 1, change: 1 });
    const late = await open(`?after=1-3`);
    await late.until(isCaughtUp);
    expect(late.events[0]!.data).to.deep.equal({ chat_number: chat.number, number: 1, change: 1 });
  });

  it("a change comes to readers of many changes that MySQL has lost", async () => {
    await world.accept(chat, "one", "two");
    await world.store();
    const edit = async (number: number, body: string) =>
      readAs(messageSchema, await api.send("PATCH", `${chat.path}/${number}`, { body })).change_number!;
    await edit(1, "kept");
    const { prisma } = world.database;
    const where = { chatId: chat.id };
    const { lastChangeNumber } = await prisma.chat.findUniqueOrThrow({ where: { id: chat.id } });
    const [messages, noted] = [
      await prisma.message.findMany({ where }),
      await prisma.messageChange.findMany({ where }),
    ];
    const reader = await open("?after=0");
    let lost = 0;
    for (let at = 0; at < 30; at++) lost = await edit(2, `lost ${at}`);
    await reader.until((events) => events.some(({ data }) => data.change_number === lost));
    await prisma.$transaction([
      prisma.message.deleteMany({ where }),
      prisma.messageChange.deleteMany({ where }),
      prisma.messageVersion.deleteMany({ where: { ...where, number: 2 } }),
      prisma.message.createMany({ data: messages }),
      prisma.messageChange.createMany({ data: noted }),
      prisma.chat.update({ where: { id: chat.id }, data: { lastChangeNumber } }),
    ]);
    const position = reader.lastId()!;
    expect(await edit(1, "new")).to.be.above(lost);
    const isNew = (events: readonly ReceivedEvent[]) => events.some(({ data }) => data.body === "new");
    await reader.until(isNew);
    await (await open(`?after=${position}`)).until(isNew);
  });
});
