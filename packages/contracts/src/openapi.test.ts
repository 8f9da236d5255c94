import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { linksOf } from "./links.ts";
import { openApiDocument } from "./openapi.ts";
import { problems } from "./problems.ts";
import { referenceDocuments, referenceFolder } from "./reference.ts";
import { routes, type Route } from "./routes.ts";

interface Operation {
  operationId: string;
  parameters?: { in: string; name: string; required?: boolean; schema: object }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { description: string; headers: object; content: Record<string, { schema: object }> }>;
}

const publicUrl = "https://chat.example";
const document = JSON.parse(JSON.stringify(openApiDocument({ publicUrl, version: "1.2.3" }))) as {
  openapi: string;
  info: { title: string; version: string };
  servers: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
};
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);

describe("openApiDocument", () => {
  it("is OpenAPI 3.1 of the given version at the given address", () => {
    expect(document.openapi).to.match(/^3\.1\.\d+$/);
    expect(document.info).to.include({ title: "Confab", version: "1.2.3" });
    expect(document.servers).to.deep.equal([{ url: publicUrl }]);
  });

  it("has each route once, with an operationId of its own", () => {
    const places = operations.map(({ path, method, operation }) => ({
      path,
      method,
      operationId: operation.operationId,
    }));
    const expected = Object.values<Route>(routes).map(({ path, method, operationId }) => ({
      path,
      method,
      operationId,
    }));
    expect(places).to.have.deep.members(expected);
    expect(new Set(places.map(({ operationId }) => operationId)).size).to.equal(places.length);
  });

  it("declares every path parameter, as required and with a schema, and none besides", () => {
    for (const { path, operation } of operations) {
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(declared.map(({ name }) => name)).to.have.members(named);
      for (const { required, schema } of declared) {
        expect(required).to.equal(true);
        expect(schema).to.have.property("type");
      }
    }
  });

  it("resolves every reference, and has no component that nothing refers to", () => {
    const found = new Set(references(document));
    for (const reference of found) expect(resolve(reference), reference).to.be.an("object");
    const components = document as unknown as { components: { schemas: object } };
    for (const name of Object.keys(components.components.schemas)) {
      expect([...found]).to.include(`#/components/schemas/${name}`);
    }
  });

  it("lets what is sent have more fields than are known, as the services do", () => {
    const { schemas } = (document as unknown as { components: { schemas: Record<string, object> } }).components;
    for (const [name, schema] of Object.entries(schemas)) {
      const isSent = /^(Create|Write|BatchItem)/.test(name);
      if (isSent) expect(schema, name).to.not.have.property("additionalProperties");
    }
  });

  it("describes every problem of a route under its status, with Retry-After for 429 and 503", () => {
    for (const { operation } of operations) {
      const route: Route = routes[operation.operationId as keyof typeof routes];
      for (const code of [...route.problems, "internal-error"] as const) {
        const status = String(problems[code].status);
        const response = operation.responses[status];
        expect(response?.description).to.include(code);
        expect(response?.content).to.have.all.keys("application/problem+json");
        if (status === "429" || status === "503") expect(response?.headers).to.have.property("Retry-After");
      }
    }
  });

  it("tells of the 201's Location, of Link and of NDJSON where there are any", () => {
    for (const { operation } of operations) {
      const { success, body }: Route = routes[operation.operationId as keyof typeof routes];
      const headers = operation.responses[String(success.status)]?.headers ?? {};
      expect("Location" in headers).to.equal(success.location === true);
      expect("Link" in headers).to.equal(success.link === true);
      expect("application/x-ndjson" in (operation.requestBody?.content ?? {})).to.equal(body?.item !== undefined);
    }
  });
});

describe("the links of the description", () => {
  it("lead to operations that are there, and give every parameter of their paths", () => {
    const isRoute = (name: string): name is keyof typeof routes => name in routes;
    let count = 0;
    for (const route of Object.values<Route>(routes)) {
      for (const [name, link] of Object.entries(linksOf(route).links ?? {})) {
        const { operationId, parameters = {} } = link as { operationId: string; parameters?: Record<string, string> };
        expect(operationId).to.equal(name);
        if (!isRoute(name)) throw new Error(`${name} is no route`);
        expect(Object.keys(parameters)).to.have.members([...routes[name].params]);
        count += 1;
      }
    }
    expect(count).to.be.greaterThan(10);
  });
});

describe("the reference documents", () => {
  it("are committed as their sources give them", () => {
    for (const [name, text] of Object.entries(referenceDocuments())) {
      expect(readFileSync(join(referenceFolder, name), "utf8"), `${name}: run npm run generate`).to.equal(text);
    }
  });

  it("have a section for each problem", () => {
    const page = referenceDocuments()["problems.md"];
    for (const [code, { status, meaning }] of Object.entries(problems)) {
      expect(page).to.include(`## ${code}\n\n**${status} `).and.to.include(meaning);
    }
  });

  it("have a request for each route in the Postman collection, each with a test", () => {
    const collection = JSON.parse(referenceDocuments()["confab.postman_collection.json"] ?? "") as {
      item: { item: { name: string; event: { script: { exec: string[] } }[] }[] }[];
    };
    const requests = collection.item.flatMap((folder) => folder.item);
    expect(requests.map(({ name }) => name)).to.include.members(Object.values(routes).map(({ summary }) => summary));
    for (const { name, event } of requests) expect(event[0]?.script.exec.join("\n"), name).to.include("pm.test(");
  });
});

function references(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "$ref" ? [String(inner)] : references(inner)));
}

function resolve(reference: string): unknown {
  return reference
    .replace(/^#\//, "")
    .split("/")
    .reduce<unknown>((place, key) => (place as Record<string, unknown> | undefined)?.[key], document);
}
