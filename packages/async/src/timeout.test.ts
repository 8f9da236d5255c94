import { expect } from "chai";
import { withMethodTimeouts } from "./index.ts";

const late = (): Error => new Error("too late");

describe("withMethodTimeouts", () => {
  it("rejects a call that takes too long, and leaves the others alone", async () => {
    const repository = withMethodTimeouts(
      { find: (id: number) => Promise.resolve(id), hang: () => new Promise<never>(() => undefined) },
      20,
      late,
    );
    expect(await repository.find(7)).to.equal(7);
    const error: unknown = await repository.hang().catch((reason: unknown) => reason);
    expect(String(error)).to.equal("Error: too late");
  });

  it("takes only functions that return promises", () => {
    // @ts-expect-error -- The wrapper would return a promise in place of the number.
    withMethodTimeouts({ count: () => 1 }, 20, late);
    // @ts-expect-error -- The wrapper would turn the text into a function.
    withMethodTimeouts({ kind: "mysql" }, 20, late);
  });
});
