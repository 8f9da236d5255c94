import { expect } from "chai";
import { createSharedCache } from "./shared-cache.ts";

describe("a cache that owners share", () => {
  const kept = (cache: ReturnType<typeof createSharedCache<object>>, ...ids: string[]): string[] =>
    ids.filter((id) => cache.get(id) !== undefined);

  it("gives no owner more than a quarter, and forgets that owner's oldest value", () => {
    const cache = createSharedCache<object>(400);
    cache.keep("other", {}, "other", 90);
    for (const id of ["a", "b", "c"]) cache.keep(id, {}, "tenant", 40);
    expect(kept(cache, "other", "a", "b", "c")).to.deep.equal(["other", "b", "c"]);
    cache.keep("large", {}, "tenant", 101);
    expect(kept(cache, "large", "b", "c")).to.deep.equal(["b", "c"]);
    cache.keep("c", {}, "tenant", 60);
    cache.keep("d", {}, "tenant", 30);
    expect(kept(cache, "b", "c", "d"), "counted once").to.deep.equal(["c", "d"]);
  });

  it("stays within its bound with any number of owners", () => {
    const cache = createSharedCache<object>(400);
    const ids = Array.from({ length: 20 }, (_, at) => `id ${at}`);
    for (const id of ids) cache.keep(id, {}, `owner of ${id}`, 100);
    expect(kept(cache, ...ids)).to.deep.equal(ids.slice(-4));
  });
});
