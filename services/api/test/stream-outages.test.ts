import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { useEnding, eventually, startProxy, testStores } from "@confab/testkit";
import { expect } from "chai";
import { startApi, useApi } from "./start.ts";
import { changesOf, isCaughtUp, shown, useStreamedChat } from "./streamed-chat.ts";

const endAfterTest = useEnding();

describe("streams while something ends", function () {
  this.timeout(60_000);
  const { world, api } = useApi();
  const { chat, open } = useStreamedChat(world, api);
  const edit = (number: number, body: string, of = chat.path) => api.send("PATCH", `${of}/${number}`, { body });

  it("continues by itself after Redis was unavailable, without a hole", async () => {
    const proxy = endAfterTest(await startProxy({ target: testStores().redisUrl }));
    const behind = endAfterTest(await startApi(world, { REDIS_URL: proxy.url }));
    const reader = await open("?after=0", { from: behind });
    await reader.until(isCaughtUp);
    await world.accept(chat, "one");
    await reader.until((events) => events.length === 2);
    await proxy.cut();
    await world.accept(chat, "two", "three");
    await proxy.restore();
    await world.accept(chat, "four");
    await eventually(() => {
      expect(shown(reader.events).slice(1)).to.deep.equal([
        ["1", "message", "one"],
        ["2", "message", "two"],
        ["3", "message", "three"],
        ["4", "message", "four"],
      ]);
    });
  });

  it("waits while the database is unavailable, and continues without a hole", async () => {
    const proxy = endAfterTest(await startProxy({ target: world.url }));
    const behind = endAfterTest(await startApi({ ...world, url: proxy.url }));
    await world.accept(chat, "one", "two");
    await world.store();
    const reader = await open("?after=0", { from: behind });
    await reader.until(isCaughtUp);
    await proxy.cut();
    await world.accept(chat, "three");
    await world.store();
    await edit(1, "uno");
    await sleep(1_500);
    expect(reader.isOver()).to.equal(false);
    await proxy.restore();
    await reader.until((events) => events.length === 5);
    expect(shown(reader.events).slice(3)).to.deep.equal([
      ["3", "message", "three"],
      [`3-${changesOf(reader.events)[0]}`, "edited", "uno"],
    ]);
  });

  it("says goodbye when the process stops, and does not wait for a client that reads nothing", async () => {
    const stopping = await startApi(world);
    const reader = await open("", { from: stopping });
    await reader.until(isCaughtUp);
    const deaf = connect(Number(new URL(stopping.url).port), "127.0.0.1");
    deaf.pause();
    deaf.write(`GET ${chat.path}/stream?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await eventually(() => expect(stopping.streams.count()).to.equal(2));
    const began = performance.now();
    await stopping.stop();
    expect(performance.now() - began).to.be.below(10_000);
    deaf.destroy();
    const { event, data } = reader.events.at(-1)!;
    expect([event, data.reason]).to.deep.equal(["goodbye", "shutdown"]);
    expect(data.retry_ms).to.be.within(1_000, 5_000);
  });

  it("leaves nothing behind when clients leave", async () => {
    const readers = await Promise.all(Array.from({ length: 20 }, () => open()));
    await eventually(() => expect(api.streams.count()).to.equal(20));
    await Promise.all(readers.map((reader) => reader.close()));
    await eventually(() => expect(api.streams.count()).to.equal(0));
    const text = await api.metrics.registry.metrics();
    expect(text, "a stream is no request in flight").to.match(/^http_requests_in_flight(\{[^}]*\})? 0$/m);
    expect(text, "and has no duration").not.to.match(/^http_request_duration_seconds_count\{[^}]*stream/m);
    expect(text).to.match(/^confab_streams_ended_total\{reason="client"[^}]*\} [1-9]/m);
  });
});
