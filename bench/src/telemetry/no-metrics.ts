// Takes the place of packages/runtime/src/metrics.ts: instruments that do nothing, and a registry without a metric.
const nothing = () => undefined;
const instrument = { inc: nothing, set: nothing, onScrape: nothing, observe: nothing, labels: () => instrument };

export function createMetrics() {
  return {
    registry: { metrics: () => Promise.resolve(""), contentType: "text/plain" },
    counter: () => instrument,
    gauge: () => instrument,
    histogram: () => instrument,
    list: nothing,
  };
}
