import { routes, type Route } from "@confab/contracts";
import { routesOf } from "@confab/http";
import { expect } from "chai";
import type { Router } from "express";
import { problemOf, useApi } from "./start.ts";

/** Paths of pages that describe the route table and are therefore not listed in it. */
const beside = [
  "/",
  "/favicon.ico",
  "/docs/",
  "/openapi.json",
  "/docs/swagger-initializer.js",
  "/problems",
  "/problems/{code}",
];

describe("the api's routes", () => {
  const { world, api } = useApi();

  it("are exactly those of the route table and the documentation", () => {
    const router = api.app.router as unknown as Router & { stack: { handle: Partial<Router> }[] };
    const mounted = router.stack.flatMap(({ handle }) => ("stack" in handle ? routesOf(handle as Router) : []));
    const mine = Object.values<Route>(routes).filter(({ service }) => service === "api");
    expect([...routesOf(router), ...mounted]).to.have.deep.members([
      ...mine.map(({ method, path }) => ({ method, path })),
      ...beside.map((path) => ({ method: "get", path })),
    ]);
  });

  it("answer 405 to methods that a path does not have, also where a parameter would fit the path", async () => {
    const { token } = await world.newChat();
    for (const [path, allow] of [
      ["messages/search", "GET, HEAD"],
      ["messages/stream", "GET, HEAD"],
      ["messages/1", "DELETE, GET, HEAD, PATCH, PUT"],
    ] as const) {
      for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
        if (allow.includes(method)) continue;
        const answer = await api.send(method, `/applications/${token}/chats/1/${path}`, { body: "x" });
        problemOf(answer, "method-not-allowed");
        expect(answer.headers.get("allow"), path).to.equal(allow);
      }
    }
  });

  it("answer HEAD like GET without a body", async () => {
    const chat = await world.newChat();
    for (const path of [
      `/applications/${chat.token}`,
      `/applications/${chat.token}/chats/1/messages`,
      "/openapi.json",
    ]) {
      const [head, get] = [await api.send("HEAD", path), await api.get(path)];
      expect(head.status).to.equal(200);
      expect(head.text).to.equal("");
      for (const name of ["content-length", "content-type"]) {
        expect(head.headers.get(name), name).to.equal(get.headers.get(name));
      }
    }
  });
});
