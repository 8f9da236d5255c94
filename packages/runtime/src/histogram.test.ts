import { expect } from "chai";
import { Histogram, Registry } from "prom-client";
import { createHistogram } from "./histogram.ts";

describe("createHistogram", () => {
  it("is exported to the letter as prom-client's own", async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const options = { name: "wait_seconds", help: "How long", buckets: [0.1, 0.25, 1] };
    const own = createHistogram({ ...options, registers: [ours] });
    const other = new Histogram({ ...options, labelNames: ["route", "status"], registers: [theirs] });
    const seen = [
      [{ route: "/a", status: "200" }, [0.05, 0.1, 0.2, 0.25, 5]],
      [{ route: '/"b"', status: "500" }, [1]],
      [{ route: "/a", status: "200" }, [0.3]],
    ] as const;
    for (const [labels, values] of seen) {
      for (const value of values) {
        own(labels).observe(value);
        other.labels(labels).observe(value);
      }
    }
    expect(await ours.metrics()).to.equal(await theirs.metrics());
  });

  it("counts one value for many events", async () => {
    const registry = new Registry();
    createHistogram({ name: "size", help: "Size", buckets: [1, 10], registers: [registry] })({}).observe(4, 3);
    const text = await registry.metrics();
    for (const line of ['size_bucket{le="1"} 0', 'size_bucket{le="10"} 3', "size_sum 12", "size_count 3"]) {
      expect(text).to.include(`${line}\n`);
    }
  });
});
