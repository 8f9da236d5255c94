import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { hasElasticsearch, startService, testStores, type ServiceHandle } from "@confab/testkit";
import { expect } from "chai";
import newman from "newman";
import { removeIndex } from "./remove-index.ts";
import { openWorld, type World } from "./world.ts";

const collection = join(import.meta.dirname, "../../../docs/reference/confab.postman_collection.json");

describe("the Postman collection", () => {
  let world: World;
  let services: ServiceHandle[];
  let address: { url: string; stop: () => void };
  before(async () => {
    world = await openWorld();
    const env = {
      DATABASE_URL: world.url,
      REDIS_KEY_PREFIX: world.prefix,
      SEARCH_INDEX: world.index,
      ADMIN_API_KEY: "a-key-for-tests",
      ...(hasElasticsearch() ? { ELASTICSEARCH_URL: testStores().elasticsearchUrl } : { SEARCH_BACKEND: "mysql" }),
    };
    services = await Promise.all([startService("ingest", env), startService("api", env), startService("worker", env)]);
    address = await startAddress(services[0]!.url, services[1]!.url);
  });
  after(async () => {
    address.stop();
    await Promise.all(services.map((service) => service.stop()));
    if (hasElasticsearch()) await removeIndex(world.index);
    await world.close();
  });

  it("runs from start to end without a failure", async () => {
    const { run } = await new Promise<newman.NewmanRunSummary>((resolve, reject) => {
      const envVar = [
        { key: "baseUrl", value: address.url },
        { key: "adminKey", value: "a-key-for-tests" },
      ];
      newman.run({ collection, envVar }, (error, summary) => {
        if (error) reject(error);
        else resolve(summary);
      });
    });
    expect(run.failures.map(({ source, error }) => `${source?.name ?? ""}: ${error.message}`)).to.deep.equal([]);
    expect(run.stats.requests.total).to.be.at.least(20);
    expect(run.stats.assertions.total).to.be.at.least(50);
  }).timeout(60_000);
});

/** One address for both services, like the ingress. */
async function startAddress(ingest: string, api: string): Promise<{ url: string; stop: () => void }> {
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url = "/" } = incoming;
    const upstream = request(
      new URL(url, url.startsWith("/messages") ? ingest : api),
      { method, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    upstream.on("error", () => outgoing.destroy());
    incoming.pipe(upstream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
