import { expect } from "chai";
import { createMetrics } from "./index.ts";

const catalogue = {
  sent_total: { type: "counter", help: "Sent", labels: { way: ["up", "down", "other"], by: { atMost: 2 } } },
  loud: { type: "gauge", help: "Loud", labels: { who: { atMost: 2 } } },
  age_seconds: { type: "histogram", help: "Age", buckets: [1, 10] },
  unused_total: { type: "counter", help: "Never asked for" },
} as const;

describe("createMetrics", () => {
  const create = () => createMetrics(catalogue, "test");
  const seriesOf = async ({ registry }: ReturnType<typeof create>, name: string): Promise<string[]> =>
    (await registry.getSingleMetricAsString(name))
      .replace(/,?service="test"/g, "")
      .replaceAll("{}", "")
      .split("\n")
      .filter((line) => !line.startsWith("#"));

  it("counts a value outside a label's list as other", async () => {
    const metrics = create();
    for (const way of ["up", "sideways", "constructor"]) metrics.counter("sent_total").labels({ way, by: "me" }).inc();
    expect(await seriesOf(metrics, "sent_total")).to.have.members([
      'sent_total{way="up",by="me"} 1',
      'sent_total{way="other",by="me"} 2',
    ]);
  });

  it("counts different values beyond a label's bound as other, however many come", async () => {
    const metrics = create();
    for (let by = 0; by < 500; by++)
      metrics
        .counter("sent_total")
        .labels({ way: "up", by: String(by) })
        .inc();
    expect(await seriesOf(metrics, "sent_total")).to.have.members([
      'sent_total{way="up",by="0"} 1',
      'sent_total{way="up",by="1"} 1',
      'sent_total{way="up",by="other"} 498',
    ]);
  });

  it("ends the series that a list no longer has", async () => {
    const metrics = create();
    let who = ["a", "b"];
    metrics.list("loud", () => who.map((name, place) => ({ labels: { who: name }, value: place })));
    expect(await seriesOf(metrics, "loud")).to.have.members(['loud{who="a"} 0', 'loud{who="b"} 1']);
    who = ["c"];
    expect(await seriesOf(metrics, "loud")).to.have.members(['loud{who="c"} 0']);
  });

  it("observes one value for many events", async () => {
    const metrics = create();
    metrics.histogram("age_seconds").observe(5, 3);
    expect(await seriesOf(metrics, "age_seconds")).to.include.members([
      'age_seconds_bucket{le="1"} 0',
      'age_seconds_bucket{le="10"} 3',
      "age_seconds_sum 15",
      "age_seconds_count 3",
    ]);
  });

  it("shows a counter's series before anything is counted", async () => {
    const metrics = createMetrics(catalogue, "test");
    metrics.counter("sent_total").labels({ way: "up", by: "me" });
    expect(await metrics.registry.metrics()).to.match(/^sent_total\{.*way="up".*\} 0$/m);
  });

  it("gives the same metric whoever asks, and exports none that nobody asked for", async () => {
    const metrics = create();
    expect(metrics.histogram("age_seconds")).to.equal(metrics.histogram("age_seconds"));
    expect(await metrics.registry.metrics()).not.to.include("unused_total");
  });
});
