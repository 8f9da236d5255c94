import { expect } from "chai";
import { linksOf } from "./links.ts";
import { openApiDocument } from "./openapi.ts";
import { problems } from "./problems.ts";
import { commonProblems, hasTag, routes, type Route } from "./routes.ts";

interface Answer {
  readonly description: string;
  readonly headers: object;
  readonly content: Record<string, { schema: object; examples: Record<string, { $ref: string }> }>;
}

interface Operation {
  readonly operationId: string;
  readonly description: string;
  readonly parameters?: { in: string; name: string; required?: boolean; description?: string; schema: object }[];
  readonly requestBody?: { content: Record<string, { schema: object }> };
  readonly security: Record<string, string[]>[];
  readonly "x-confab-scopes": string[];
  readonly responses: Record<string, Answer | { $ref: string }>;
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

const answerOf = (operation: Operation, status: number | string): Answer => {
  const answer = operation.responses[String(status)];
  return (answer && "$ref" in answer ? resolve(answer.$ref) : answer) as Answer;
};

describe("openApiDocument", () => {
  it("is OpenAPI 3.1 of the given version at the given address", () => {
    expect(document.openapi).to.match(/^3\.1\.\d+$/);
    expect(document.info).to.include({ title: "Confab", version: "1.2.3" });
    expect(document.servers).to.deep.equal([{ url: publicUrl }]);
  });

  it("has each route once, with its own operationId", () => {
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

  it("declares exactly the path parameters of each path, as required and with a schema", () => {
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

  it("resolves every reference and has no unused component", () => {
    const found = new Set(references(document));
    for (const reference of found) expect(resolve(reference), reference).to.be.an("object");
    const { components } = document as unknown as { components: Record<string, object> };
    for (const [kind, members] of Object.entries(components)) {
      if (kind === "securitySchemes") continue;
      for (const name of Object.keys(members)) expect([...found]).to.include(`#/components/${kind}/${name}`);
    }
  });

  it("lets requests have unknown fields unless they erase or grant, as the services do", () => {
    const { schemas } = (document as unknown as { components: { schemas: Record<string, object> } }).components;
    const strict = ["EraseSender", "WriteKey", "UploadKey", "RotateKey"];
    for (const [name, schema] of Object.entries(schemas)) {
      if (strict.includes(name)) expect(schema, name).to.have.property("additionalProperties", false);
      else if (/^(Create|Write|BatchItem)/.test(name))
        expect(schema, name).to.not.have.property("additionalProperties");
    }
  });

  it("describes every problem of a route under its status, each with an example, and Retry-After for 429 and 503", () => {
    for (const { operation } of operations) {
      const route: Route = routes[operation.operationId as keyof typeof routes];
      for (const code of [...route.problems, ...commonProblems]) {
        const { status, title } = problems[code];
        const { description, headers, content } = answerOf(operation, status);
        expect(description).to.include(code);
        expect(content).to.have.all.keys("application/problem+json");
        const example = resolve(content["application/problem+json"]?.examples[code]?.$ref ?? "");
        expect(example).to.have.property("value").that.includes({ code, status, title });
        if (status === 429 || status === 503) expect(headers).to.have.property("Retry-After");
        if (status === 429) expect(headers).to.include.keys("RateLimit", "RateLimit-Policy");
      }
    }
  });

  it("lists every code as a value of Problem.code", () => {
    expect(resolve("#/components/schemas/ProblemCode"))
      .to.have.property("enum")
      .that.has.members(Object.keys(problems));
  });

  it("lets generated clients distinguish accepted items from refused ones by their status", () => {
    const statusOf = (name: string) =>
      (resolve(`#/components/schemas/${name}`) as { properties: { status: { const?: number; enum?: number[] } } })
        .properties.status;
    expect(statusOf("AcceptedItem")).to.include({ const: 201 });
    expect(statusOf("RefusedItem").enum).to.include.members([404, 409, 422, 429, 503]).and.not.include(201);
  });

  it("describes each operation and each parameter", () => {
    for (const { operation } of operations) {
      expect(operation.description, operation.operationId).to.match(/\.$/);
      for (const { name, description } of operation.parameters ?? []) expect(description, name).to.match(/\w/);
    }
  });

  it("has no bounds and patterns that only zod knows", () => {
    const text = JSON.stringify(document);
    expect(text).to.not.include(String(Number.MAX_SAFE_INTEGER)).and.not.include(String(Number.MIN_SAFE_INTEGER));
    expect(text).to.not.include("(?:");
  });

  it("names for each operation the keys and scopes that are enough", () => {
    for (const { operation } of operations) {
      const { scopes, guard, openToUsers, success }: Route = routes[operation.operationId as keyof typeof routes];
      const application = guard === "installation" ? [] : [{ applicationKey: [] }];
      const user = openToUsers === true ? [{ userToken: [] }] : [];
      const ticket = success.stream === true ? [{ ticket: [] }] : [];
      const expected = [...application, ...user, ...ticket, { adminKey: [] }, {}];
      expect(operation.security, operation.operationId).to.deep.equal(expected);
      expect(operation["x-confab-scopes"], operation.operationId).to.deep.equal(scopes);
      for (const scope of scopes) expect(operation.description).to.include(`\`${scope}\``);
    }
  });

  it("names the headers of each success, and NDJSON for batch requests", () => {
    for (const { operation } of operations) {
      const route: Route = routes[operation.operationId as keyof typeof routes];
      const { success, body, idempotent, limited } = route;
      const { headers } = answerOf(operation, success.status);
      expect("Location" in headers).to.equal(success.location === true);
      expect("Link" in headers).to.equal(success.links !== undefined);
      expect("ETag" in headers).to.equal(hasTag(route));
      expect("Idempotent-Replayed" in headers).to.equal(idempotent === true);
      expect("RateLimit" in headers).to.equal(limited !== undefined);
      expect("304" in operation.responses).to.equal(hasTag(route) && route.method === "get");
      expect("application/x-ndjson" in (operation.requestBody?.content ?? {})).to.equal(body?.item !== undefined);
    }
  });
});

describe("the links between operations", () => {
  it("lead to operations that exist, and name every parameter of their paths", () => {
    const isRoute = (name: string): name is keyof typeof routes => name in routes;
    let count = 0;
    for (const route of Object.values<Route>(routes)) {
      for (const [name, link] of Object.entries(linksOf(route).links ?? {})) {
        const { operationId, parameters = {} } = link as { operationId: string; parameters?: Record<string, string> };
        expect(operationId).to.equal(name);
        if (!isRoute(name)) throw new Error(`${name} is not a route`);
        expect(Object.keys(parameters)).to.have.members([...routes[name].params]);
        count += 1;
      }
    }
    expect(count).to.be.greaterThan(10);
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
