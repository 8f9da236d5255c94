import { fillPath, routes, type Route } from "@confab/contracts";
import { createUnfinishedBodies, eventually, startService, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { useApi } from "./start.ts";

const budget = 8 * 1024 * 1024;
const withBody = Object.entries<Route>(routes).filter(
  ([, { service, body }]) => service === "api" && body !== undefined,
);

describe("bodies that never end", function () {
  this.timeout(60_000);
  const { world, api } = useApi({ MAX_REQUEST_BYTES: "8MiB" });
  const bodies = useForEach(() => createUnfinishedBodies(api.url));

  for (const [name, { method, path, body }] of withBody) {
    it(`hold limited memory, whatever tokens are invented: ${name}`, async () => {
      const bytes = body!.limitBytes - 1;
      const params = { chat: 1, message: 1, reader: "anna", key: "00000000" };
      const sent = Array.from({ length: Math.ceil((1.5 * budget) / bytes) }, () => ({
        method,
        bytes,
        path: fillPath(path, { ...params, token: randomUUID() }),
      }));
      await bodies.send(sent);
      await eventually(() => expect(bodies.openBytes, "bytes without an answer").to.be.at.most(budget));
      for (const status of bodies.statuses) expect(status).to.be.oneOf([429, 503]);
    });
  }

  it("leave the memory of a process below the chart's limit, with the default budget", async () => {
    const service = await startService("api", { DATABASE_URL: world.url, REDIS_KEY_PREFIX: world.prefix });
    const residentMebibytes = async (): Promise<number> => {
      const metrics = await (await fetch(`${service.adminUrl}/metrics`)).text();
      return Number(/^process_resident_memory_bytes\S* (\S+)/m.exec(metrics)?.[1]) / 1024 / 1024;
    };
    const edits = createUnfinishedBodies(service.url);
    try {
      const { method, path, body } = routes.updateMessage;
      const edit = () => fillPath(path, { token: randomUUID(), chat: 1, message: 1 });
      const bytes = body.limitBytes - 1;
      await edits.send(Array.from({ length: 1_000 }, () => ({ method, bytes, path: edit() })));
      await eventually(() => expect(edits.openBytes).to.be.at.most(16 * 1024 * 1024));
      expect(await residentMebibytes()).to.be.below(400);
    } finally {
      edits.close();
      await service.stop();
    }
  });
});
