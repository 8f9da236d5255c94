import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { describeLoad, failuresOf, requestKinds, startLoad, type RequestKind } from "./load.ts";
import { verifyStored } from "./stored.ts";
import { expectConsistent, restartsOf, type Release } from "./release.ts";
import { report } from "./report.ts";

/** Allowed failures of each kind of request while a store is unavailable. No other request may fail. */
const refusals: Readonly<Record<string, Partial<Record<RequestKind, string>>>> = {
  redis: { send: "503 sending-unavailable", read: "503 service-unavailable" },
  mysql: {
    read: "503 storage-unavailable",
    list: "503 storage-unavailable",
    search: "503 storage-unavailable",
    chat: "503 storage-unavailable",
  },
  elasticsearch: { search: "503 search-unavailable" },
};
/**
 * Maximum time in ms of a refusal. A refusal takes up to two seconds if a store does not answer. The third second
 * allows for a busy machine.
 */
const promptMs = 3_000;

/**
 * Describes promises that hold while a store is killed: quick refusals with a reason, and no loss of acknowledged
 * messages.
 */
export function describeOutages(installed: () => Release): void {
  describe("while a store's pod is deleted under load", () => {
    before(async () => {
      await installed().upgrade({ "ingress.rateLimit.enabled": "false" });
    });

    for (const [store, allowed] of Object.entries(refusals)) {
      it(`keeps every acknowledged message, refuses quickly with a reason, and recovers by itself: ${store}`, async () => {
        const { client } = installed();
        const token = await installed().createApplication(store);
        const chats = await installed().createChats(token, 5);
        const restartsBefore = await restartsOf(installed(), ["ingest", "api", "worker"]);
        const load = startLoad({ token, chats, writers: 8, readers: 4, retry: true });
        await pause(3_000);
        const deletedAt = performance.now();
        await installed().kubectl("delete", "pod", `confab-${store}-0`, "--wait=true");
        await installed().kubectl("rollout", "status", `statefulset/confab-${store}`, "--timeout=300s");
        const readyAt = performance.now();
        while (performance.now() - Math.max(readyAt, load.lastFailedAt()) < 5_000) await pause(200);
        const ended = await load.stop();
        const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
        const { requests } = ended;
        report(
          [
            describeLoad(ended),
            `ready again after ${seconds(readyAt - deletedAt)}, longest time without an acknowledgement ${seconds(ended.longestGapMs)}`,
            ...requestKinds
              .filter((kind) => requests[kind].lastFailedAt > 0)
              .map(
                (kind) =>
                  `${kind}: ${JSON.stringify(requests[kind].failed)}, slowest refusal ${requests[kind].slowestFailureMs.toFixed(0)} ms, served again ${seconds(requests[kind].lastFailedAt - deletedAt)} after the deletion`,
              ),
          ].join("\n"),
        );
        for (const [kind, failed] of Object.entries(failuresOf(ended))) {
          expect(Object.keys(failed), kind).to.deep.equal([allowed[kind as RequestKind]]);
          const { slowestFailureMs, lastFailedAt } = requests[kind as RequestKind];
          expect(slowestFailureMs, `slowest refusal of ${kind}`).to.be.below(promptMs);
          expect(lastFailedAt - readyAt, `${kind} after the store is ready`).to.be.below(10_000);
        }
        for (const kind of requestKinds) expect(requests[kind].answered, kind).to.be.above(0);
        // A message whose answer was lost is sent again with its key and acknowledged later, so none is stored twice.
        expect(await verifyStored(client, token, ended.acknowledged)).to.deep.equal({
          stored: ended.acknowledged.length,
          extra: 0,
        });
        expect(await restartsOf(installed(), ["ingest", "api", "worker"])).to.equal(restartsBefore);
        await expectConsistent(installed());
      });
    }
  });
}
