import { expect } from "chai";
import { describeLoad, failuresOf, requestKinds, startLoad } from "./load.ts";
import { verifyStored } from "./stored.ts";
import { evict, podsOf, rolledOut, services, type Release } from "./release.ts";
import { report } from "./report.ts";

/** Makes a change under constant load. Expects that no request fails or hangs and that no message is lost. */
export async function changeUnderLoad(release: Release, change: () => Promise<void>): Promise<void> {
  const token = await release.createApplication("load");
  const chats = await release.createChats(token, 10);
  const load = startLoad({ token, chats });
  await change().catch(async (error: unknown) => {
    await load.stop();
    throw error;
  });
  const ended = await load.stop();
  report(describeLoad(ended));
  expect(failuresOf(ended), "refused, unanswered or wrongly answered").to.deep.equal({});
  for (const kind of requestKinds) expect(ended.requests[kind].answered, kind).to.be.above(10);
  expect(await verifyStored(release.client, token, ended.acknowledged)).to.deep.equal({
    stored: ended.acknowledged.length,
    extra: 0,
  });
}

/** Describes changes that clients must not notice. Each is made while messages are sent and read. */
export function describeRollouts(installed: () => Release): void {
  describe("under constant load", () => {
    before(async () => {
      await installed().upgrade({ "ingress.rateLimit.enabled": "false" });
    });

    for (const component of services) {
      it(`fails no request and loses nothing while ${component} is rolled out`, () =>
        changeUnderLoad(installed(), async () => {
          await installed().kubectl("rollout", "restart", `deployment/confab-${component}`);
          await rolledOut(installed(), component);
        }));
    }

    it("fails no request and loses nothing while the pods of all services are evicted", () =>
      changeUnderLoad(installed(), async () => {
        for (const component of services) {
          await evict(installed(), await podsOf(installed(), component));
          await rolledOut(installed(), component);
        }
      }));

    it("fails no request and loses nothing while the release is upgraded and rolled back", () =>
      changeUnderLoad(installed(), async () => {
        const next = process.env.CONFAB_E2E_NEXT_TAG;
        await installed().upgrade({
          "ingress.rateLimit.enabled": "false",
          "ingest.podAnnotations.revision": "next",
          "api.podAnnotations.revision": "next",
          "worker.podAnnotations.revision": "next",
          ...(next === undefined ? {} : { "image.tag": next }),
        });
        await installed().helm("rollback", "confab", "--wait", "--timeout", "5m");
        for (const component of services) await rolledOut(installed(), component);
      }));
  });
}
