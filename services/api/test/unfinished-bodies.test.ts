import { fillPath, routes, type Route } from "@confab/contracts";
import { createUnfinishedBodies, eventually, type UnfinishedBodies } from "@confab/testkit";
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { startApi, type Api } from "./start.ts";
import { openWorld, type World } from "./world.ts";

const budget = 8 * 1024 * 1024;
const withBody = Object.entries<Route>(routes).filter(
  ([, { service, body }]) => service === "api" && body !== undefined,
);

describe("bodies that never end", function () {
  this.timeout(60_000);
  let world: World;
  let api: Api;
  let bodies: UnfinishedBodies;
  before(async () => {
    world = await openWorld();
    api = await startApi(world, { MAX_REQUEST_BYTES: "8MiB" });
  });
  beforeEach(() => {
    bodies = createUnfinishedBodies(api.url);
  });
  afterEach(() => {
    bodies.close();
  });
  after(async () => {
    await api.stop();
    await world.close();
  });

  for (const [name, { method, path, body }] of withBody) {
    it(`hold limited memory, whatever tokens are invented: ${name}`, async () => {
      const bytes = body!.limitBytes - 1;
      const params = { chat: 1, message: 1, reader: "anna", key: "00000000" };
      const sent = Array.from({ length: Math.ceil((1.5 * budget) / bytes) }, () => ({
        ...{ method, bytes, path: fillPath(path, { ...params, token: randomUUID() }) },
      }));
      await bodies.send(sent);
      await eventually(() => {
        expect(bodies.openBytes, "bytes without an answer").to.be.at.most(budget);
      });
      for (const status of bodies.statuses) expect(status).to.be.oneOf([429, 503]);
    });
  }
});
