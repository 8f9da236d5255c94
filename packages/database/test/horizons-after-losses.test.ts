import { createHorizons, NumberingOutdated } from "@confab/database";
import { eventually, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { directTransaction } from "../src/transaction.ts";
import { recordNumberings } from "../src/numberings.ts";
import { openTestDatabase, rejection } from "./setup.ts";

describe("read horizons and later numberings", () => {
  const test = useForAll(openTestDatabase);
  const reads = useForAll(() => createHorizons(test.database));

  const current = { numbering: 1, since: 1 };

  /** Runs `meanwhile` within the transaction that records numbering 2, before it is committed. */
  const recording = (chatId: bigint, meanwhile: () => Promise<void>) =>
    directTransaction(
      test.database,
      async (tx) => {
        await recordNumberings(tx, [{ chatId, numbering: 2, from: 4 }]);
        await meanwhile();
      },
      { timeoutMs: 10_000 },
    );

  it("are not written by those who do not know a later numbering", async () => {
    const { id } = await test.newChat();
    await reads.advance(id, "anna", 2, current);
    await recording(id, () => Promise.resolve());
    for (const reader of ["anna", "ben"]) {
      expect(await rejection(reads.advance(id, reader, 8, current)))
        .to.be.instanceOf(NumberingOutdated)
        .and.include({ by: 2 });
    }
    expect([(await reads.find(id, "anna"))?.number, await reads.find(id, "ben")]).to.deep.equal([2, undefined]);
    expect(await reads.advance(id, "anna", 3, { numbering: 2, since: 4 })).to.include({ number: 3, hasMoved: true });
  });

  it("wait for a transaction that records one", async () => {
    const { id } = await test.newChat();
    let outcome: Promise<unknown> | undefined;
    await recording(id, async () => {
      outcome = rejection(reads.advance(id, "anna", 8, current));
      await eventually(async () => {
        const running = await test.database.query<{ info: string | null }[]>(
          "SELECT info AS info FROM information_schema.processlist WHERE id <> CONNECTION_ID()",
        );
        expect(running.some(({ info }) => info?.includes("LOCK IN SHARE MODE"))).to.equal(true);
      });
    });
    expect(await outcome).to.be.instanceOf(NumberingOutdated);
    expect(await reads.find(id, "anna")).to.equal(undefined);
  });
});
