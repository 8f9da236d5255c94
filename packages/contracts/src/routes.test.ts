import { expect } from "chai";
import { z } from "zod";
import { scopeNames } from "./keys.ts";
import { problems, ProblemError, type ProblemCode } from "./problems.ts";
import { expressPath, fillPath, isList, methodHints, pathParameters, routes, shareOf, type Route } from "./routes.ts";

const all = Object.entries<Route>(routes);

describe("the route table", () => {
  it("names each route by its operation, and no method and path twice", () => {
    for (const [name, { operationId }] of all) expect(operationId).to.equal(name);
    const places = all.map(([, { method, path }]) => `${method} ${path}`);
    expect(new Set(places).size).to.equal(places.length);
  });

  it("declares exactly the parameters that a path has, in its order", () => {
    for (const [name, { path, params }] of all) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      expect(params, name).to.deep.equal(named);
    }
  });

  it("says of each deletion, erasure and limit of age that it destroys something, except of a single message", () => {
    const destroying = all.filter(
      ([, { method, path, body }]) =>
        method === "delete" ||
        path.endsWith("/erasures") ||
        (body && "retention_days" in body.schema.shape && method !== "post"),
    );
    const unmarked = destroying.filter(([, { destroys }]) => destroys === undefined).map(([name]) => name);
    expect(unmarked).to.deep.equal(["deleteMessage"]);
    expect(all.filter(([, { destroys }]) => destroys !== undefined).length).to.equal(destroying.length - 1);
  });

  it("uses problems of the catalogue only, and has the one that an invalid parameter is answered with", () => {
    for (const [name, { params, problems: codes }] of all) {
      for (const code of codes) expect(problems, name).to.have.property(code);
      for (const parameter of params) expect(codes, name).to.include(pathParameters[parameter].invalid);
    }
  });

  it("can answer 413, 415 and 422 wherever it takes a body, and 422 wherever it takes a query", () => {
    for (const [name, { body, query, problems: codes }] of all) {
      if (body)
        expect(codes, name).to.include.members(["malformed-json", "payload-too-large", "unsupported-media-type"]);
      if (body ?? query) expect(codes, name).to.include("validation-failed");
    }
  });

  it("takes no unknown fields in a body that erases or grants more without a field", () => {
    for (const [name, { body, path }] of all) {
      if (body === undefined || !/erasures|keys/.test(path)) continue;
      const issues = body.schema.safeParse({ no_such: 1 }).error?.issues ?? [];
      expect(
        issues.map(({ code }) => code),
        name,
      ).to.include("unrecognized_keys");
    }
  });

  it("calls the chats that a request is limited to chats, and nothing else by this name or in the singular", () => {
    for (const [name, { query }] of all) {
      const names = Object.keys(query?.shape ?? {}).filter((one) => /chat/i.test(one));
      expect(["", "chats"], name).to.include(names.join());
    }
  });

  it("names for each route the scopes of which a key needs one, and can answer 401 and 403", () => {
    for (const [name, { scopes, problems: codes }] of all) {
      expect(scopes, name).to.not.be.empty;
      for (const scope of scopes) expect(scopeNames, name).to.include(scope);
      expect(codes, name).to.include.members(["unauthorized", "forbidden"]);
    }
  });

  it("lets keys that only read or search change nothing, and guards what concerns the installation and keys", () => {
    for (const [name, { method, path, scopes, guard }] of all) {
      const isGet = method === "get";
      // Creating a ticket changes nothing either, but must not be possible with a GET.
      if (scopes.some((scope) => scope === "read" || scope === "search"))
        expect(isGet, name).to.equal(name !== "createTicket");
      const expected = /keys(\/|$)/.test(path)
        ? { guard: path.startsWith("/admin/") ? "installation" : "application", scopes: ["admin"] }
        : { guard: path === "/applications" ? "installation" : undefined, scopes };
      expect({ guard, scopes }, name).to.deep.equal(expected);
    }
  });

  it("leaves nothing but these outside the share of an application: what reads little, and what waits for no lock alone", () => {
    const outside = all.filter(([, route]) => route.service === "api" && shareOf(route) === "none");
    expect(outside.flatMap(([name, { method }]) => (method === "get" ? [] : [name])).sort()).to.deep.equal([
      "createChat",
      "createTicket",
      "sendSignal",
    ]);
    for (const [name, route] of outside) expect(isList(route), name).to.equal(false);
    const inParts = all.flatMap(([name, route]) => (shareOf(route) === "parts" ? [name] : []));
    expect(inParts.sort()).to.deep.equal([
      "deleteMessage",
      "getReadHorizon",
      "replaceMessage",
      "setReadHorizon",
      "updateMessage",
    ]);
  });

  it("has no key named id anywhere in an answer", () => {
    for (const [name, { success }] of all)
      if (success.schema) expect(propertyNames(z.toJSONSchema(success.schema)), name).not.to.include("id");
  });

  it("hints at paths that exist, with methods that they do not have", () => {
    for (const { method, path } of methodHints) {
      const methods = all.filter(([, route]) => route.path === path).map(([, route]) => route.method.toUpperCase());
      expect(methods).to.not.be.empty.and.not.include(method);
    }
  });

  it("writes paths as Express does and fills them in percent-encoded", () => {
    expect(expressPath(routes.getMessage.path)).to.equal("/applications/:token/chats/:chat/messages/:message");
    expect(fillPath("/a/{x}/b/{y}", { x: "ä/?", y: 7 })).to.equal("/a/%C3%A4%2F%3F/b/7");
  });
});

describe("ProblemError", () => {
  it("takes status and title from the catalogue, and always has a Retry-After for 429 and 503", () => {
    for (const code of Object.keys(problems) as ProblemCode[]) {
      const problem = new ProblemError(code);
      expect(problem).to.include({ code, status: problems[code].status, title: problems[code].title });
      const retries = problem.status === 429 || problem.status === 503;
      expect(problem.retryAfterSeconds).to.equal(retries ? 1 : undefined);
    }
    expect(new ProblemError("overloaded", { retryAfterSeconds: 30 }).retryAfterSeconds).to.equal(30);
  });
});

function propertyNames(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const own = "properties" in schema ? Object.keys(schema.properties as object) : [];
  return [...own, ...Object.values(schema).flatMap(propertyNames)];
}
