import { randomUUID } from "node:crypto";
import { migrate } from "@confab/database";
import { metricCatalogue, type MetricRow, type MetricService } from "@confab/metrics";
import {
  createTestDatabase,
  eventually,
  hasElasticsearch,
  startService,
  testStores,
  uniquePrefix,
  useForAll,
  type ServiceHandle,
} from "@confab/testkit";
import { expect } from "chai";

const names: readonly MetricService[] = ["ingest", "api", "worker"];

/** Starts all three services with their own database, keys and index. */
async function startServices() {
  const database = await createTestDatabase();
  await migrate(database.url);
  const prefix = uniquePrefix("metrics");
  const env = {
    DATABASE_URL: database.url,
    REDIS_KEY_PREFIX: prefix,
    ...(hasElasticsearch()
      ? { ELASTICSEARCH_URL: testStores().elasticsearchUrl, SEARCH_INDEX: prefix }
      : { SEARCH_BACKEND: "mysql" }),
  };
  const [ingest, api, worker] = await Promise.all([
    startService("ingest", env),
    startService("api", env),
    startService("worker", env),
  ]);
  const services: Record<MetricService, ServiceHandle> = { ingest, api, worker };
  return {
    ...services,
    metricsOf: async (name: MetricService) => (await fetch(`${services[name].adminUrl}/metrics`)).text(),
    async stop() {
      await Promise.all([ingest.stop(), api.stop(), worker.stop()]);
      await database.drop();
    },
  };
}

async function post(url: string, body: unknown): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return (await response.json()) as Record<string, unknown>;
}

describe("the metrics of all services", function () {
  this.timeout(120_000);
  const running = useForAll(startServices);

  /** Sends a message to a new chat of a new application. */
  async function say(): Promise<{ token: string; chat: number }> {
    const token = String((await post(`${running.api.url}/applications`, { name: "metrics" })).token);
    const chat = Number((await post(`${running.api.url}/applications/${token}/chats`, {})).number);
    await post(`${running.ingest.url}/messages`, { application_token: token, chat_number: chat, body: randomUUID() });
    return { token, chat };
  }

  it("are exactly those of the catalogue, of the same type and with its labels", async () => {
    await say();
    await eventually(async () =>
      expect(await running.metricsOf("worker")).to.match(/^confab_accepted_to_searchable_seconds_count\S* [1-9]/m),
    );
    for (const name of names) {
      const text = await running.metricsOf(name);
      const exported = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, metric, type]) => `${metric} ${type}`);
      const expected = Object.entries<MetricRow>(metricCatalogue)
        .filter(([, { services }]) => services.includes(name))
        .map(([metric, { type }]) => `${metric} ${type}`);
      expect(exported, name).to.have.members(expected);
      for (const [, series, labels = ""] of text.matchAll(/^(\w+)\{(.*)\} \S+$/gm)) {
        const row = rowOf(series!);
        const allowed = ["service", ...Object.keys(row.labels ?? {}), ...(row.type === "histogram" ? ["le"] : [])];
        for (const [, label] of labels.matchAll(/(\w+)="/g)) expect(allowed, series).to.include(label);
      }
    }
  });

  it("do not grow with traffic: with tokens, chats, messages, paths and request ids", async () => {
    const traffic = async (): Promise<void> => {
      for (let turn = 0; turn < 12; turn++) {
        const { token, chat } = await say();
        await fetch(`${running.api.url}/applications/${token}/chats/${chat}/messages?after=${turn}`);
        await fetch(`${running.api.url}/${randomUUID()}`, { headers: { "x-request-id": randomUUID() } });
        await fetch(`${running.api.url}/applications/${randomUUID()}`);
        await post(`${running.ingest.url}/messages`, { application_token: randomUUID(), chat_number: 1, body: "lost" });
      }
    };
    // Without Node's own metrics: the number of open handles and requests changes all the time.
    const seriesOf = async (name: (typeof names)[number]): Promise<string[]> =>
      (await running.metricsOf(name)).match(/^(?:confab|http)_\S*(?= )/gm) ?? [];
    await traffic();
    await eventually(async () =>
      expect(await running.metricsOf("worker")).to.match(/^confab_accepted_to_searchable_seconds_count\S* 13$/m),
    );
    // Exported once they have been read for the first time.
    await eventually(async () => {
      for (const series of await Promise.all(names.map(seriesOf))) {
        expect(series.filter((each) => each.startsWith("confab_store_settings_at_risk"))).to.have.length(2);
      }
    });
    const before = await Promise.all(names.map(seriesOf));
    await traffic();
    const after = await Promise.all(names.map(seriesOf));
    const added = after.map((series, at) => series.filter((each) => !before[at]!.includes(each)));
    const [ofIngest, ...ofOthers] = added;
    // At most ten applications with the highest rates are exported, 15 seconds late.
    expect(ofIngest!.filter((series) => !series.startsWith("confab_top_application_"))).to.deep.equal([]);
    expect(ofIngest!.length).to.be.at.most(10);
    expect(ofOthers).to.deep.equal([[], []]);
  });
});

function rowOf(series: string): MetricRow {
  const rows: Record<string, MetricRow | undefined> = metricCatalogue;
  const row = rows[series] ?? rows[series.replace(/_(bucket|sum|count)$/, "")];
  if (!row) throw new Error(`${series} is not in the catalogue`);
  return row;
}
