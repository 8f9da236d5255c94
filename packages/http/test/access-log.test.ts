import { expect } from "chai";
import fc from "fast-check";
import { contextOf } from "../src/index.ts";
import { problemOf, startApp } from "./start-app.ts";
import type { TestApp } from "./start-app.ts";

describe("request ids and the access log", () => {
  let app: TestApp;
  before(async () => {
    app = await startApp((router) => {
      router.get("/things/:id", (req, res) => {
        contextOf(req).route = "/things/{id}";
        contextOf(req).logger.info("within");
        res.setHeader("Content-Length", 4);
        res.end("done");
      });
    });
  });
  beforeEach(() => (app.lines.length = 0));
  after(() => app.stop());

  const idOf = async (given: string): Promise<string | null> =>
    (await fetch(`${app.url}/things/1`, { headers: { "x-request-id": given } })).headers.get("x-request-id");

  it("echo a sane X-Request-ID and log it with all that belongs to the request", async () => {
    expect(await idOf("edge.7_a-Z")).to.equal("edge.7_a-Z");
    expect(app.lines.map(({ message, request_id }) => [message, request_id])).to.deep.equal([
      ["within", "edge.7_a-Z"],
      ["request", "edge.7_a-Z"],
    ]);
  });

  it("replace any other by a UUID", async () => {
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    for (const given of ["", "a b", "a".repeat(129), "{x}", "a,b", "é"]) expect(await idOf(given)).to.match(uuid);
  });

  it("keep an id if and only if it is made of the allowed characters", async () => {
    const visible = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme-ascii" }).filter((id) => id.trim() === id);
    await fc.assert(
      fc.asyncProperty(visible, async (given) => {
        expect((await idOf(given)) === given).to.equal(/^[A-Za-z0-9._-]+$/.test(given));
      }),
      { numRuns: 50 },
    );
  });

  it("log one line per request with the route's template instead of its path", async () => {
    await (await fetch(`${app.url}/things/hunter2?q=hunter2`)).text();
    const [line, ...others] = app.requests();
    expect(others).to.deep.equal([]);
    expect(line).to.include({ level: "info", method: "GET", route: "/things/{id}", status: 200, bytes: 4 });
    expect(line?.ms).to.be.a("number").within(0, 1_000);
    expect(JSON.stringify(line)).not.to.include("hunter2");
  });

  it("name the problem that was answered", async () => {
    await problemOf(await fetch(`${app.url}/nowhere`));
    expect(app.requests()[0]).to.include({ route: "(none)", status: 404, problem: "route-not-found" });
  });

  it("count and time requests by method, route template and status", async () => {
    app.metrics.resetMetrics();
    for (let id = 0; id < 3; id += 1) await (await fetch(`${app.url}/things/${id}`)).text();
    await (await fetch(`${app.url}/nowhere`, { method: "DELETE" })).text();
    const text = await app.metrics.metrics();
    expect(text).to.include('http_requests_total{method="GET",route="/things/{id}",status="200",service="test"} 3\n');
    expect(text).to.include('http_requests_total{method="DELETE",route="(none)",status="404",service="test"} 1\n');
    expect(text).to.include(
      'http_request_duration_seconds_count{service="test",method="GET",route="/things/{id}",status="200"} 3\n',
    );
  });
});
