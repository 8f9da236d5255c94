import { readFileSync } from "node:fs";
import { expect } from "chai";
import { metricCatalogue, type MetricRow } from "./index.ts";
import { metricsPage } from "./metrics-page.ts";
import { pagePath } from "./page-path.ts";

describe("the page of metrics", () => {
  it("is committed as the catalogue gives it", () => {
    expect(readFileSync(pagePath, "utf8"), "run npm run generate").to.equal(metricsPage());
  });
});

describe("the catalogue", () => {
  const rows = Object.entries<MetricRow>(metricCatalogue);

  it("names counters, and nothing else, with _total", () => {
    const wrong = rows.filter(([name, { type }]) => (type === "counter") !== name.endsWith("_total"));
    expect(wrong.map(([name]) => name)).to.deep.equal([]);
  });

  it("names every metric with a unit by that unit", () => {
    const wrong = rows.filter(
      ([name, { unit }]) => unit !== undefined && !name.replace(/_total$/, "").endsWith(`_${unit}`),
    );
    expect(wrong.map(([name]) => name)).to.deep.equal([]);
  });
});
