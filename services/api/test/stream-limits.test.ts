import { useEnding, eventually, useForAll, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { openStream } from "./event-reader.ts";
import { problemOf, startApi, type Api } from "./start.ts";
import { openWorld, type Chat } from "./world.ts";

const endAfterTest = useEnding();

describe("the limits of live streams", function () {
  this.timeout(60_000);
  const world = useForAll(openWorld);
  const chat = useForEach(() => world.newChat());

  const start = async (env: Record<string, string>) =>
    endAfterTest(await startApi(world, { RATE_LIMITS: "on", TRUSTED_PROXIES: "1", ...env }));
  const pathOf = ({ token, number }: Chat) => `/applications/${token}/chats/${number}/messages`;
  const from = (address: string) => ({ "x-forwarded-for": address });
  const open = async (api: Api, { token, number }: Chat = chat, headers: Record<string, string> = {}) =>
    endAfterTest(await openStream(`${api.url}/applications/${token}/stream?chats=${number}`, headers));
  const refusals = async (api: Api, limit: string) =>
    Number(
      new RegExp(`^confab_streams_refused_total\\{[^}]*limit="${limit}"[^}]*\\} (\\d+)`, "m").exec(
        await api.metrics.registry.metrics(),
      )?.[1],
    );

  it("are for all streams of a process, and for requests that wait", async () => {
    const api = await start({ MAX_STREAMS: "3" });
    await open(api);
    const last = await open(api);
    const leaving = new AbortController();
    const waiting = fetch(`${api.url}${pathOf(chat)}?after=0&wait=30`, { signal: leaving.signal }).catch(
      () => undefined,
    );
    await eventually(() => expect(api.waits.count()).to.equal(1));
    for (const path of [`${pathOf(chat)}/stream`, `${pathOf(chat)}?after=0&wait=30`]) {
      const answer = await api.get(path);
      problemOf(answer, "busy");
      expect(Number(answer.headers.get("retry-after"))).to.be.within(1, 10);
    }
    expect(await refusals(api, "process")).to.equal(2);
    expect(await api.metrics.registry.metrics()).to.match(/^confab_streams\{[^}]*kind="chats"[^}]*\} 2$/m);
    expect((await api.get(pathOf(chat))).status, "an answer at once needs no place").to.equal(200);
    leaving.abort();
    await waiting;
    await last.close();
    await eventually(() => open(api));
  });

  it("are for each application, so that one leaves places to the others", async () => {
    const api = await start({ MAX_STREAMS_PER_APPLICATION: "2" });
    await open(api);
    await open(api);
    const answer = await api.get(`${pathOf(chat)}/stream`);
    expect(problemOf(answer, "rate-limited").detail).to.include("The application already has 2 streams");
    expect(Number(answer.headers.get("retry-after"))).to.be.within(1, 10);
    expect(await refusals(api, "application")).to.equal(1);
    await open(api, await world.newChat());
  });

  it("are for each client address that the last trusted proxy has seen", async () => {
    const api = await start({ MAX_STREAMS_PER_ADDRESS: "2" });
    await open(api, chat, from("192.0.2.7"));
    await open(api, chat, from("198.51.100.1, 192.0.2.7"));
    const answer = await api.get(`${pathOf(chat)}/stream`, from("203.0.113.5, 192.0.2.7"));
    expect(problemOf(answer, "rate-limited").detail).to.include("The client address already has 2 streams");
    expect(await refusals(api, "address")).to.equal(1);
    await open(api, chat, from("192.0.2.8"));
    await open(api, chat, from("2001:db8::1"));
    await open(api, chat, from("2001:db8::2"));
    problemOf(await api.get(`${pathOf(chat)}/stream`, from("2001:db8::3")), "rate-limited");
  });

  it("do not trust a header without a proxy, and do not count addresses with RATE_LIMITS=off", async () => {
    const api = await start({ MAX_STREAMS_PER_ADDRESS: "1", TRUSTED_PROXIES: "0" });
    await open(api, chat, from("192.0.2.7"));
    problemOf(await api.get(`${pathOf(chat)}/stream`, from("192.0.2.8")), "rate-limited");
    const free = await start({ MAX_STREAMS_PER_ADDRESS: "1", MAX_STREAMS_PER_APPLICATION: "1", RATE_LIMITS: "off" });
    await open(free);
    await open(free);
  });

  it("end the streams of a chat or of an application in every process, with the reason", async () => {
    const [api, other] = [await start({}), await start({})];
    const second = await world.newChat(chat.token);
    const readers = [
      await open(api),
      await open(other),
      await open(other, second),
      await open(api, await world.newChat()),
    ];
    const waiting = api.get(`${pathOf(chat)}?after=0&wait=30`);
    await eventually(() => expect(api.waits.count()).to.equal(1));
    for (const reader of readers) await reader.until((events) => events.length > 0);
    const last = () => readers.map(({ events }) => [events.at(-1)?.event, events.at(-1)?.data.reason]);
    const isOpen = ["caught-up", undefined];
    await eventually(async () => {
      await other.endStreams(chat, "deleted");
      expect(last()).to.deep.equal([["goodbye", "deleted"], ["goodbye", "deleted"], isOpen, isOpen]);
    });
    expect((await waiting).text).to.equal("[]");
    await api.endStreams({ token: chat.token }, "access-ended");
    await eventually(() => expect(last().slice(2)).to.deep.equal([["goodbye", "access-ended"], isOpen]));
  });

  it("end the streams of a chat that a client deletes", async () => {
    const [api, other] = [await start({}), await start({})];
    const reader = await open(other);
    await reader.until((events) => events.length > 0);
    expect((await api.send("DELETE", `/applications/${chat.token}/chats/${chat.number}`)).status).to.equal(204);
    await eventually(() => expect(reader.events.at(-1)?.data).to.include({ reason: "deleted" }), { timeoutMs: 20_000 });
    problemOf(await other.get(`/applications/${chat.token}/stream?chats=${chat.number}`), "chat-not-found");
  });

  it("end the streams of a chat that was deleted, also without a signal", async () => {
    const api = await start({});
    const reader = await open(api);
    await world.database.prisma.chat.delete({ where: { id: chat.id } });
    await eventually(() => expect(reader.events.at(-1)?.data).to.include({ reason: "deleted" }), { timeoutMs: 20_000 });
  });
});
