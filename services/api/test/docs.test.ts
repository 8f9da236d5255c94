import { openApiDocument, problems, type ProblemCode } from "@confab/contracts";
import { expect } from "chai";
import { jsonOf, problemOf, startApi, useApi } from "./start.ts";

describe("the api's documentation", () => {
  const { world, api } = useApi({ PUBLIC_URL: "http://localhost:8080/" });

  it("serves the OpenAPI document of this version with its public address", async () => {
    const expected = openApiDocument({ publicUrl: "http://localhost:8080", version: api.config.version });
    expect(jsonOf(await api.get("/openapi.json"))).to.deep.equal(JSON.parse(JSON.stringify(expected)));
  });

  it("requires TLS of browsers only if clients use TLS", async () => {
    const secure = await startApi(world, { PUBLIC_URL: "https://chat.example" });
    expect((await api.get("/docs/")).headers.has("strict-transport-security")).to.equal(false);
    const { headers } = await fetch(`${secure.url}/docs/`);
    await secure.stop();
    expect(headers.has("strict-transport-security")).to.equal(true);
    expect(headers.get("content-security-policy")).to.include("upgrade-insecure-requests");
  });

  it("protects browsers with the headers of pages, and spares other answers all but nosniff", async () => {
    for (const path of ["/docs/", "/docs/swagger-ui.css", "/problems", "/problems/busy"]) {
      const { headers } = await api.get(path);
      expect(headers.get("x-content-type-options"), path).to.equal("nosniff");
      expect(headers.get("content-security-policy"), path)
        .to.include("default-src 'self'")
        .and.not.include("upgrade-insecure-requests");
    }
    for (const path of ["/openapi.json", "/applications", "/nowhere"]) {
      const { headers } = await api.get(path);
      expect(headers.get("x-content-type-options"), path).to.equal("nosniff");
      for (const name of ["content-security-policy", "x-frame-options", "x-xss-protection", "x-powered-by"]) {
        expect(headers.has(name), `${path} ${name}`).to.equal(false);
      }
    }
  });

  it("leads browsers from / to the documentation, and gives programs an index", async () => {
    const ask = (accept: string) => fetch(`${api.url}/`, { headers: { accept }, redirect: "manual" });
    const browser = await ask("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    expect([browser.status, browser.headers.get("location")]).to.deep.equal([302, "/docs/"]);
    for (const accept of ["*/*", "application/json"]) {
      const program = await ask(accept);
      expect([program.status, program.headers.get("vary")]).to.deep.equal([200, "Accept"]);
      for (const path of Object.values((await program.json()) as Record<string, string>)) {
        expect((await api.get(path)).status, path).to.equal(200);
      }
    }
  });

  it("lets browsers keep what does not change, and ask for the rest", async () => {
    const css = await api.get("/docs/swagger-ui.css");
    expect(css.headers.get("cache-control")).to.equal("public, max-age=3600");
    const openApi = await api.get("/openapi.json");
    expect(openApi.headers.get("cache-control")).to.equal("no-cache");
    const tag = openApi.headers.get("etag") ?? "";
    // Express compares tags only without fetch's default Cache-Control: no-cache.
    const again = await api.get("/openapi.json", { "if-none-match": tag, "cache-control": "max-age=0" });
    expect(again.status).to.equal(304);
  });

  it("has pages for phones, each with a title and a way to the other pages", async () => {
    for (const [path, title, link] of [
      ["/docs/", "API · Confab", "/problems"],
      ["/problems", "Problems · Confab", "/docs/"],
      ["/problems/busy", `${problems.busy.title} · Confab`, "/problems"],
    ] as const) {
      const { text } = await api.get(path);
      expect(text.match(/<title>/g), path).to.have.length(1);
      expect(text).to.include('<meta name="viewport" content="width=device-width, initial-scale=1">');
      expect(text).to.include(`<title>${title}</title>`).and.include(`href="${link}"`);
    }
  });

  it("has an icon for the tab of a browser", async () => {
    const icon = await api.get("/favicon.ico");
    expect(icon.status).to.equal(200);
    expect(icon.headers.get("content-type")).to.equal("image/png");
    expect(icon.headers.get("cache-control")).to.equal("public, max-age=3600");
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
    const { text } = await api.get("/docs/swagger-initializer.js");
    expect(text).to.include('"/openapi.json"').and.include("prefers-color-scheme: dark");
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
