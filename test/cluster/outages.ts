import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { startLoad, verifyStored } from "./load.ts";
import type { Release } from "./release.ts";
import { report } from "./report.ts";

/** What the promises say of a store that is killed: quick refusals with a reason, and nothing acknowledged is lost. */
export function describeOutages(installed: () => Release): void {
  describe("while a store's pod is deleted under load", () => {
    before(async () => {
      await installed().upgrade({ "ingress.rateLimit.enabled": "false" });
    });

    for (const store of ["redis", "mysql", "elasticsearch"]) {
      it(`keeps every acknowledged message, and goes on by itself, when it is ${store}`, async () => {
        const { client } = installed();
        const token = await installed().createApplication(store);
        const chats = await installed().createChats(token, 5);
        const load = startLoad({ client, token, chats, clients: 8, retry: true });
        await pause(3_000);
        await installed().kubectl("delete", "pod", `confab-${store}-0`, "--wait=true");
        await installed().kubectl("rollout", "status", `statefulset/confab-${store}`, "--timeout=300s");
        await pause(5_000);
        const { acknowledged, refused, rate, longestGapMs } = await load.stop();
        report(
          `${acknowledged.length} messages, ${rate}/s, longest gap ${(longestGapMs / 1000).toFixed(1)} s, refused meanwhile: ${JSON.stringify(refused)}`,
        );
        for (const what of Object.keys(refused)) expect(what).to.match(/^(502|503|504|no answer: .*)$/);
        if (store !== "redis") expect(refused).to.deep.equal({});
        // With its key, a message whose answer was lost is acknowledged later: none is there twice.
        expect(await verifyStored(client, token, acknowledged)).to.deep.equal({
          stored: acknowledged.length,
          extra: 0,
        });
      });
    }
  });
}
