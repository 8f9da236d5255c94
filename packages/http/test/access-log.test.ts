import { useEnding, useForAll } from "@confab/testkit";
import { ProblemError, routes } from "@confab/contracts";
import { expect } from "chai";
import fc from "fast-check";
import { contextOf } from "../src/index.ts";
import { problemOf, startApp } from "./start-app.ts";

const endAfterTest = useEnding();

describe("request ids and the access log", () => {
  const app = useForAll(() =>
    startApp((router) => {
      router.get("/things/:id", (req, res) => {
        contextOf(req).route = "/things/{id}";
        contextOf(req).logger.info("within");
        res.setHeader("Content-Length", 4);
        res.end("done");
      });
    }),
  );
  beforeEach(() => (app.lines.length = 0));

  const idOf = async (given: string): Promise<string | null> =>
    (await fetch(`${app.url}/things/1`, { headers: { "x-request-id": given } })).headers.get("x-request-id");

  it("return a valid X-Request-ID and add it to all logs of the request", async () => {
    expect(await idOf("edge.7_a-Z")).to.equal("edge.7_a-Z");
    expect(app.lines.map(({ message, request_id }) => [message, request_id])).to.deep.equal([
      ["within", "edge.7_a-Z"],
      ["request", "edge.7_a-Z"],
    ]);
  });

  it("replace an invalid one with a new one", async () => {
    const invalid = ["", "a b", "a".repeat(129), "{x}", "a,b", "é"];
    for (const given of invalid) expect(await idOf(given)).to.match(/^[A-Za-z0-9]{12}$/);
  });

  it("keep an id only if it has only allowed characters", async () => {
    const visible = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme-ascii" }).filter((id) => id.trim() === id);
    await fc.assert(
      fc.asyncProperty(visible, async (given) => {
        expect((await idOf(given)) === given).to.equal(/^[A-Za-z0-9._-]+$/.test(given));
      }),
      { numRuns: 50 },
    );
  });

  it("log one line per request with the template of the route instead of the path", async () => {
    await (await fetch(`${app.url}/things/hunter2?q=hunter2`)).text();
    const [line, ...others] = app.requests();
    expect(others).to.deep.equal([]);
    expect(line).to.include({ level: "info", method: "GET", route: "/things/{id}", status: 200, bytes: 4 });
    expect(line?.ms).to.be.a("number").within(0, 1_000);
    expect(JSON.stringify(line)).not.to.include("hunter2");
  });

  it("export the errors of each route before the first one happens", async () => {
    const text = await app.metrics.metrics();
    for (const status of [500, 503]) {
      expect(text).to.match(
        new RegExp(`^http_requests_total\\{method="POST",route="/messages",status="${status}".*\\} 0$`, "m"),
      );
    }
    for (const problem of routes.createMessage.problems) {
      expect(text).to.include(`http_problems_total{route="/messages",problem="${problem}",service="test"} 0\n`);
    }
  });

  it("name the problem that was answered", async () => {
    await problemOf(await fetch(`${app.url}/nowhere`));
    expect(app.requests()[0]).to.include({ route: "(none)", status: 404, problem: "route-not-found" });
  });

  it("count and time requests by method, route template and status", async () => {
    // This collects the counts of earlier requests, so that the reset removes them.
    await app.metrics.metrics();
    app.metrics.resetMetrics();
    for (let id = 0; id < 3; id += 1) await (await fetch(`${app.url}/things/${id}`)).text();
    await (await fetch(`${app.url}/nowhere`, { method: "DELETE" })).text();
    const text = await app.metrics.metrics();
    expect(text).to.include('http_requests_total{method="GET",route="/things/{id}",status="200",service="test"} 3\n');
    expect(text).to.include('http_requests_total{method="DELETE",route="(none)",status="404",service="test"} 1\n');
    expect(text).to.include(
      'http_request_duration_seconds_count{method="GET",route="/things/{id}",status="200",service="test"} 3\n',
    );
  });

  describe("under load", () => {
    it("leave out what is over the rate, count it, and still log every error", async () => {
      const busy = endAfterTest(
        await startApp(
          (router) => {
            router.get("/fine", (_req, res) => void res.end());
            router.get("/broken", () => {
              throw new Error("broken");
            });
          },
          {},
          { linesPerSecond: 0 },
        ),
      );
      for (let time = 0; time < 5; time += 1) {
        await (await fetch(`${busy.url}/fine`)).text();
        await (await fetch(`${busy.url}/broken`)).text();
      }
      expect(busy.requests().map(({ status }) => status)).to.deep.equal([500, 500, 500, 500, 500]);
      const text = await busy.metrics.metrics();
      expect(text).to.include('http_access_log_skipped_total{service="test"} 5\n');
      expect(text).to.include('http_problems_total{route="(none)",problem="internal-error",service="test"} 5\n');
      expect(text).to.include('http_requests_in_flight{service="test"} 0\n');
    });
  });

  it("share the limit between successful requests and refusals for overload, and warn of neither", async () => {
    const busy = endAfterTest(
      await startApp(
        (router) => {
          router.get("/busy", () => {
            throw new ProblemError("busy");
          });
        },
        {},
        { linesPerSecond: 0 },
      ),
    );
    for (let time = 0; time < 5; time += 1) await (await fetch(`${busy.url}/busy`)).text();
    expect(busy.lines.filter(({ level }) => level !== "debug")).to.deep.equal([]);
    expect(await busy.metrics.metrics()).to.include('http_access_log_skipped_total{service="test"} 5\n');
  });

  it("add no series, however many different paths and methods are sent", async () => {
    const seriesOf = async (): Promise<number> => (await app.metrics.metrics()).match(/^http_/gm)?.length ?? 0;
    const ask = async (from: number): Promise<void> => {
      for (let id = from; id < from + 50; id += 1) {
        await (await fetch(`${app.url}/things/${id}`)).text();
        await (await fetch(`${app.url}/nowhere/${id}`)).text();
        for (const method of ["PROPFIND", "LOCK", "SEARCH"]) await (await fetch(app.url, { method })).text();
      }
    };
    await ask(0);
    const before = await seriesOf();
    await ask(50);
    expect(await seriesOf()).to.equal(before);
    expect(await app.metrics.metrics()).not.to.include("PROPFIND");
  });
});
