import { routes, type Route } from "@confab/contracts";
import { routesOf } from "@confab/http";
import { expect } from "chai";
import type { Router } from "express";
import { post, problemOf, useIngest } from "./start.ts";

describe("ingest's routes", () => {
  const { ingest } = useIngest();

  it("refuse query parameters, because they have none", async () => {
    for (const { path, service } of Object.values<Route>(routes)) {
      if (service !== "ingest") continue;
      const { errors } = problemOf(await post(`${ingest.url}${path}?no_such=1`, {}), "validation-failed");
      expect(errors).to.deep.equal([
        { pointer: "?no_such", detail: "is not a parameter of this route, which has none" },
      ]);
    }
  });

  it("are exactly those of the route table", () => {
    const router = ingest.app.router as unknown as Router & { stack: { handle: Partial<Router> }[] };
    const mounted = router.stack.flatMap(({ handle }) => ("stack" in handle ? routesOf(handle as Router) : []));
    const mine = Object.values<Route>(routes).filter(({ service }) => service === "ingest");
    expect([...routesOf(router), ...mounted]).to.have.deep.members(mine.map(({ method, path }) => ({ method, path })));
  });
});
