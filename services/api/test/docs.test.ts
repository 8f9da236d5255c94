import { openApiDocument, problems, type ProblemCode } from "@confab/contracts";
import { expect } from "chai";
import { jsonOf, problemOf, startApi, type Api } from "./start.ts";
import { openWorld, type World } from "./world.ts";

describe("the api's documentation", () => {
  let world: World;
  let api: Api;
  before(async () => {
    world = await openWorld();
    api = await startApi(world, { PUBLIC_URL: "http://localhost:8080/" });
  });
  after(async () => {
    await api.stop();
    await world.close();
  });

  it("serves the OpenAPI document of this version with its public address", async () => {
    const expected = openApiDocument({ publicUrl: "http://localhost:8080", version: api.config.version });
    expect(jsonOf(await api.get("/openapi.json"))).to.deep.equal(JSON.parse(JSON.stringify(expected)));
  });

  it("requires TLS of browsers only if clients use TLS", async () => {
    const secure = await startApi(world, { PUBLIC_URL: "https://chat.example" });
    for (const path of ["/docs/", "/applications/x"]) {
      expect((await api.get(path)).headers.has("strict-transport-security"), path).to.equal(false);
      expect((await fetch(secure.url + path)).headers.has("strict-transport-security"), path).to.equal(true);
    }
    await secure.stop();
  });

  it("sends security headers with every page, and does not upgrade plain HTTP", async () => {
    for (const path of ["/docs/", "/problems", "/problems/busy", "/openapi.json", "/applications/x", "/nowhere"]) {
      const { headers } = await api.get(path);
      expect(headers.get("x-content-type-options"), path).to.equal("nosniff");
      expect(headers.get("content-security-policy"), path)
        .to.include("default-src 'self'")
        .and.not.include("upgrade-insecure-requests");
    }
    const secure = await startApi(world, { PUBLIC_URL: "https://chat.example" });
    const { headers } = await fetch(`${secure.url}/docs/`);
    await secure.stop();
    expect(headers.get("content-security-policy")).to.include("upgrade-insecure-requests");
  });

  it("serves a page that loads everything from the api", async () => {
    const page = await api.get("/docs/");
    expect(page.status).to.equal(200);
    expect(page.headers.get("content-type")).to.include("text/html");
    expect(page.headers.get("content-security-policy")).to.include("script-src 'self'");
    const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, asset]) => asset ?? "");
    expect(assets).to.not.be.empty;
    for (const asset of assets) {
      expect(asset).to.not.match(/^(https?:)?\/\//);
      expect((await api.get(new URL(asset, "http://localhost/docs/").pathname)).status, asset).to.equal(200);
    }
    expect((await api.get("/docs/swagger-initializer.js")).text).to.include('"/openapi.json"');
    expect((await api.get("/docs")).status).to.equal(200);
  });

  it("has a page for every problem, and a list that links to all of them", async () => {
    const list = await api.get("/problems");
    for (const code of Object.keys(problems) as ProblemCode[]) {
      expect(list.text).to.include(`href="/problems/${code}"`);
      const page = await api.get(`/problems/${code}`);
      expect(page.status, code).to.equal(200);
      expect(page.text).to.include(`<h1>${problems[code].title}</h1>`).and.include(String(problems[code].status));
    }
  });

  it("answers an unknown problem with a problem", async () => {
    for (const code of ["nothing", "__proto__", "constructor", "toString"]) {
      problemOf(await api.get(`/problems/${code}`), "problem-not-found");
    }
  });
});
