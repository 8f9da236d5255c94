import { eventually, longestBlock } from "@confab/testkit";
import { expect } from "chai";
import { createWatches } from "./access-watches.ts";
import type { Principal } from "./principal.ts";

const principal: Principal = {
  name: "key 8Qn3fVbZ",
  token: "token",
  scopes: new Set(["read"]),
  keyId: "8Qn3fVbZ",
  expiresAt: Infinity,
};

describe("the watches of a key", () => {
  it("end one after the other, in slices, each once, and not if their request has ended", async () => {
    let onRead: ((keyId: string) => void) | undefined;
    const watches = createWatches({
      keyring: { current: () => undefined, onRead: (listener) => ((onRead = listener), () => undefined) },
      staleMs: 60_000,
    });
    const ended = new Map<number, number>();
    const leave = Array.from({ length: 1_000 }, (_, at) =>
      watches.watch(principal, () => {
        for (const until = performance.now() + 0.05; performance.now() < until;);
        ended.set(at, (ended.get(at) ?? 0) + 1);
        // The last request ends while the others are being ended.
        if (at === 0) leave.at(-1)!();
      }),
    );
    const block = await longestBlock(async () => {
      onRead!("8Qn3fVbZ");
      await eventually(() => {
        expect(ended.size).to.equal(999);
      });
    }, 1);
    expect(block).to.be.below(25);
    expect([...new Set(ended.values())]).to.deep.equal([1]);
    watches.stop();
  });
});
