import { randomUUID } from "node:crypto";
import { fillPath, routes, scopeNames, type Route } from "@confab/contracts";
import { useEnding, eventually, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { openStream } from "./event-reader.ts";
import { inputs } from "./inputs.ts";
import { keyMaker } from "./key-world.ts";
import { problemOf, startApi, type Answer } from "./start.ts";
import { openWorld } from "./world.ts";

const endAfterTest = useEnding();

const mine = Object.values<Route>(routes).filter(({ service }) => service === "api");

describe("with REQUIRE_KEYS", function () {
  this.timeout(120_000);
  const world = useForAll(openWorld);
  const keys = useForAll(() => keyMaker(world));
  const api = useForAll(() => startApi(world, { REQUIRE_KEYS: "on", ADMIN_API_KEY: "admin-key-for-tests" }));

  /** Prepares a request to a route on newly created resources, with the given key. */
  async function prepare(route: Route) {
    const chat = await world.newChat();
    await world.accept(chat, "hello");
    await world.store();
    const isAdmin = route.guard === "installation";
    const { keyId } = await keys.make(isAdmin ? null : chat.token);
    const params = { token: chat.token, chat: chat.number, message: 1, reader: "anna", key: keyId };
    const { body, query = "" } = inputs[route.operationId as keyof typeof routes] ?? {};
    const path = fillPath(route.path, params) + query;
    const send = (authorization?: string): Promise<Answer> =>
      api.send(route.method.toUpperCase(), path, body, authorization === undefined ? {} : { authorization });
    return { token: chat.token, isAdmin, send };
  }

  for (const route of mine) {
    const { operationId, scopes } = route;

    it(`${operationId} is open to a key with the scope ${scopes.join(" or ")}, and to no other one`, async () => {
      const { token, isAdmin, send } = await prepare(route);
      const owner = isAdmin ? null : token;
      const bearer = (key: string) => send(`Bearer ${key}`);

      const without = problemOf(await send(), "unauthorized");
      for (const [why, key] of Object.entries(await keys.invalid(owner))) {
        const answer = await bearer(key);
        const problem = problemOf(answer, "unauthorized");
        expect({ ...problem, request_id: "" }, why).to.deep.equal({ ...without, request_id: "" });
        expect(answer.headers.get("www-authenticate"), why).to.equal('Bearer realm="confab", error="invalid_token"');
      }
      problemOf(await send("Basic YTpi"), "unauthorized");

      const others = scopeNames.filter((scope) => !scopes.includes(scope));
      const { detail } = problemOf(await bearer((await keys.make(owner, { scopes: others })).key), "forbidden");
      expect(detail).to.include(scopes.join(" or "));

      const foreign = await bearer((await keys.make(await world.newApplication())).key);
      problemOf(foreign, isAdmin ? "forbidden" : "application-not-found");

      // This test uses the last scope, because the next one uses the first.
      const scope = scopes.at(-1)!;
      const right = await bearer((await keys.make(owner, { scopes: [scope] })).key);
      expect(right.status, right.text).to.be.oneOf([route.success.status, ...(scope === "search" ? [503] : [])]);
    });

    it(`${operationId} is open to the configured admin key and to an admin key with the scope`, async () => {
      for (const key of ["admin-key-for-tests", (await keys.make(null, { scopes: [scopes[0]] })).key]) {
        const answer = await (await prepare(route)).send(`Bearer ${key}`);
        expect(answer.status, answer.text).to.be.oneOf([
          route.success.status,
          ...(scopes[0] === "search" ? [503] : []),
        ]);
      }
    });
  }

  it("gives the key of another application the same answer for a token that exists and one that does not", async () => {
    const { headers } = await keys.make(await world.newApplication());
    const shown = async (token: string) => {
      const problem = problemOf(await api.get(`/applications/${token}`, headers), "application-not-found");
      return { ...problem, request_id: "", instance: problem.instance?.replace(token, "") };
    };
    expect(await shown(await world.newApplication())).to.deep.equal(await shown(randomUUID()));
  });

  it("opens documentation, problems and OPTIONS without a key", async () => {
    for (const path of ["/openapi.json", "/problems", "/docs/"]) {
      expect((await api.get(path)).status, path).to.equal(200);
    }
    expect((await api.send("OPTIONS", "/applications")).status).to.equal(204);
  });

  it("lets a stream begin with a key, and has no answer for the token alone", async () => {
    const chat = await world.newChat();
    const path = `${api.url}/applications/${chat.token}/chats/${chat.number}/messages/stream`;
    const reader = await openStream(path, (await keys.make(chat.token, { scopes: ["read"] })).headers);
    await reader.until((events) => events.length === 1);
    await reader.close();
    expect((await fetch(path)).status).to.equal(401);
  });

  it("does not let refused requests use up an application's limit", async () => {
    const limited = endAfterTest(
      await startApi(world, { REQUIRE_KEYS: "on", RATE_LIMITS: "on", APPLICATION_REQUEST_RATE: "3" }),
    );
    const token = await world.newApplication();
    const { headers } = await keys.make(token);
    const foreign = await keys.make(await world.newApplication());
    const attempts = Array.from({ length: 10 }, (_, at) =>
      limited.get(`/applications/${token}`, at % 2 ? foreign.headers : {}),
    );
    for (const answer of await Promise.all(attempts)) expect(answer.status).to.be.oneOf([401, 404]);
    const own = await limited.get(`/applications/${token}`, headers);
    expect(own.status).to.equal(200);
    expect(own.headers.get("ratelimit")).to.match(/"requests";r=2/);
  });
});

describe("without REQUIRE_KEYS", () => {
  const world = useForAll(openWorld);
  const keys = useForAll(() => keyMaker(world));
  const api = useForAll(() => startApi(world, { ADMIN_API_KEY: "admin-key-for-tests" }));

  it("the token opens the application, also beside credentials that are not Confab's", async () => {
    const token = await world.newApplication();
    for (const authorization of [undefined, "Basic YTpi", "Bearer something-else", "Bearer eyJhbGciOiJub25lIn0.e30."]) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      expect((await api.get(`/applications/${token}`, headers)).status, authorization).to.equal(200);
    }
  });

  it("a key that is sent is checked", async () => {
    const token = await world.newApplication();
    const path = `/applications/${token}`;
    for (const [why, key] of Object.entries(await keys.invalid(token))) {
      expect((await api.get(path, { authorization: `Bearer ${key}` })).status, why).to.equal(401);
    }
    problemOf(await api.get(path, (await keys.make(token, { scopes: ["write"] })).headers), "forbidden");
    problemOf(await api.get(path, (await keys.make(await world.newApplication())).headers), "application-not-found");
    expect((await api.get(path, (await keys.make(token, { scopes: ["read"] })).headers)).status).to.equal(200);
  });

  it("keys are managed with a key only, unless no admin key is configured", async () => {
    const token = await world.newApplication();
    const path = `/applications/${token}/keys`;
    problemOf(await api.get(path), "unauthorized");
    expect((await api.get(path, { authorization: "Bearer admin-key-for-tests" })).status).to.equal(200);
    await keys.make(token);
    const open = endAfterTest(await startApi(world));
    expect((await open.get(path)).status).to.equal(200);
    expect((await open.get("/admin/keys")).status).to.equal(200);
    await eventually(() => {
      const warnings = open.lines.filter(({ level }) => level === "warn").map(({ message }) => message);
      expect(warnings.join()).to.include("there are active keys, but REQUIRE_KEYS is off");
    });
  });
});
