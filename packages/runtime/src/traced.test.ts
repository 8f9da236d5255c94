import { noTracer, traced } from "./index.ts";

describe("traced", () => {
  it("takes functions that return promises, and other fields", () => {
    // @ts-expect-error -- The wrapper would return a promise in place of the number.
    traced(noTracer, undefined, "counts", { count: () => 1 });
    traced(noTracer, undefined, "counts", { kind: "mysql", count: () => Promise.resolve(1) });
  });
});
