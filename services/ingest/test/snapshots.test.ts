import { setTimeout as sleep } from "node:timers/promises";
import {
  useEnding,
  eventually,
  startProxy,
  startService,
  testStores,
  uniquePrefix,
  useForAll,
  type Proxy,
  type ServiceHandle,
} from "@confab/testkit";
import { expect } from "chai";
import { openWorld } from "./start.ts";

const endAfterTest = useEnding();

/** Returns the values of a metric's series by their labels, or none if the metric is not exported. */
async function seriesOf(service: ServiceHandle, metric: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${service.adminUrl}/metrics`)).text();
  const lines = text.matchAll(new RegExp(`^${metric}(\\{[^}]*\\})? (\\S+)$`, "gm"));
  return Object.fromEntries(
    [...lines].map(([, labels = "", value]) => [labels.replace(/,?service="ingest"/, ""), Number(value)]),
  );
}

const ends: Record<string, (proxy: Proxy) => unknown> = {
  "refuses connections": (proxy) => proxy.cut(),
  "keeps its connections and says nothing": (proxy) => {
    proxy.pause();
  },
};

describe("the shared gauges of a replica that is cut off from Redis", function () {
  this.timeout(60_000);
  const gauges = [
    "confab_messages_pending",
    "confab_pending_oldest_age_seconds",
    "confab_pending_fullest_partition_messages",
    "confab_queue_jobs",
    "confab_queue_oldest_job_age_seconds",
    "confab_redis_used_memory_bytes",
    "confab_redis_aof_enabled",
    "confab_redis_fsync_policy",
  ];
  const world = useForAll(openWorld);

  for (const [how, cutOff] of Object.entries(ends)) {
    it(`end when Redis ${how}, and return with it`, async () => {
      const chat = await world.newChat();
      const proxy = endAfterTest(await startProxy({ target: testStores().redisUrl }));
      const ingest = endAfterTest(
        await startService("ingest", {
          DATABASE_URL: world.url,
          REDIS_URL: proxy.url,
          REDIS_KEY_PREFIX: uniquePrefix("snapshots"),
        }),
      );
      const shown = async () => {
        const series = await Promise.all(gauges.map((gauge) => seriesOf(ingest, gauge)));
        return gauges.filter((_, at) => Object.keys(series[at]!).length > 0);
      };
      const sent = await fetch(`${ingest.url}/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ application_token: chat.token, chat_number: chat.number, body: "pending" }),
      });
      expect(sent.status).to.equal(201);
      await eventually(async () => {
        expect(await seriesOf(ingest, "confab_messages_pending")).to.deep.equal({ "{}": 1 });
        expect(await shown()).to.deep.equal(gauges);
      });

      await cutOff(proxy);
      await eventually(async () => expect(await shown()).to.deep.equal([]), { timeoutMs: 20_000 });
      const ages = await seriesOf(ingest, "confab_snapshot_age_seconds");
      expect(Object.keys(ages)).to.have.length(3);
      for (const age of Object.values(ages)) expect(age).to.be.within(6, 30);
      expect(await seriesOf(ingest, "confab_dependency_up")).to.include({
        '{dependency="redis"}': 0,
        '{dependency="database"}': 1,
      });
      // The values must stay missing.
      await sleep(1_000);
      expect(await shown()).to.deep.equal([]);

      await proxy.restore();
      proxy.resume();
      await eventually(async () => expect(await shown()).to.deep.equal(gauges), { timeoutMs: 20_000 });
    });
  }
});
