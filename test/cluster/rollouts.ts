import { expect } from "chai";
import { startLoad, verifyStored } from "./load.ts";
import { evict, podsOf, rolledOut, type Component, type Release } from "./release.ts";
import { report } from "./report.ts";

/** What must not be noticed: every change is made while messages are sent all the time. */
export function describeRollouts(installed: () => Release): void {
  describe("under constant load", () => {
    before(async () => {
      await installed().upgrade({ "ingress.rateLimit.enabled": "false" });
    });

    async function unnoticed(change: () => Promise<void>): Promise<void> {
      const { client } = installed();
      const token = await installed().createApplication("load");
      const chats = await installed().createChats(token, 10);
      const load = startLoad({ client, token, chats });
      await change();
      const { acknowledged, refused, rate, longestGapMs } = await load.stop();
      report(`${acknowledged.length} messages, ${rate}/s, longest gap ${longestGapMs.toFixed(0)} ms`);
      expect(refused, "refused or not answered").to.deep.equal({});
      expect(await verifyStored(client, token, acknowledged)).to.deep.equal({ stored: acknowledged.length, extra: 0 });
    }

    for (const component of ["ingest", "api", "worker"] satisfies Component[]) {
      it(`fails no request and loses nothing while ${component} is rolled out`, () =>
        unnoticed(async () => {
          await installed().kubectl("rollout", "restart", `deployment/confab-${component}`);
          await rolledOut(installed(), component);
        }));
    }

    it("fails no request and loses nothing while the pods of all services are evicted", () =>
      unnoticed(async () => {
        for (const component of ["ingest", "api", "worker"] satisfies Component[]) {
          await evict(installed(), await podsOf(installed(), component));
          await rolledOut(installed(), component);
        }
      }));

    it("fails no request and loses nothing while the release is upgraded and rolled back", () =>
      unnoticed(async () => {
        const next = process.env.CONFAB_E2E_NEXT_TAG;
        await installed().upgrade({
          "ingress.rateLimit.enabled": "false",
          "ingest.podAnnotations.revision": "next",
          "api.podAnnotations.revision": "next",
          "worker.podAnnotations.revision": "next",
          ...(next === undefined ? {} : { "image.tag": next }),
        });
        await installed().helm("rollback", "confab", "--wait", "--timeout", "5m");
        for (const component of ["ingest", "api", "worker"] satisfies Component[])
          await rolledOut(installed(), component);
      }));
  });
}
