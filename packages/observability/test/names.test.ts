import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { metricCatalogue } from "@confab/contracts";
import { expect } from "chai";
import { externalMetrics } from "../src/external-metrics.ts";
import { alerts, dashboards } from "../src/index.ts";
import { recordingRules } from "../src/rules/recording.ts";
import { unusedMetrics } from "../src/unused-metrics.ts";
import { metricOf, namesIn } from "./promql.ts";

const root = join(import.meta.dirname, "../../..");
const isMetric = (name: string): boolean => name in metricCatalogue;
const recorded = new Set(recordingRules.map(({ record }) => record));
const expressions = [
  ...dashboards.flatMap(({ rows }) => rows.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries))),
  ...alerts,
  ...recordingRules,
].map(({ expr }) => expr);
const used = new Set(expressions.flatMap((expr) => [...namesIn(expr)]).map((name) => metricOf(name, isMetric)));

describe("the metrics that dashboards and rules name", () => {
  it("are in the catalogue, recorded by a rule, or known to be others'", () => {
    const unknown = [...used].filter((name) => !isMetric(name) && !recorded.has(name) && !(name in externalMetrics));
    expect(unknown).to.deep.equal([]);
  });

  it("are all of the catalogue's, but for those listed with a reason", () => {
    const names = Object.keys(metricCatalogue);
    expect(names.filter((name) => !used.has(name) && !(name in unusedMetrics))).to.deep.equal([]);
    expect(Object.keys(unusedMetrics).filter((name) => used.has(name) || !isMetric(name))).to.deep.equal([]);
    expect(Object.keys(externalMetrics).filter((name) => !used.has(name))).to.deep.equal([]);
    expect([...recorded].filter((name) => !used.has(name))).to.deep.equal([]);
  });

  it("are never summed where every replica shows the same", () => {
    const shared = Object.entries(metricCatalogue).flatMap(([name, row]) => ("shared" in row ? [name] : []));
    const summed = expressions.filter((expr) =>
      shared.some((name) => new RegExp(`sum( by \\([^)]*\\))? \\(${name}\\b`).test(expr)),
    );
    expect(summed).to.deep.equal([]);
  });
});

describe("the metrics that the documents name", () => {
  it("are in the catalogue, or known to be others'", () => {
    const unknown = globSync("docs/**/*.md", { cwd: root }).flatMap((page) => {
      const text = readFileSync(join(root, page), "utf8");
      const names = [
        ...text.matchAll(/\b(?:confab|http|nodejs|process)_[a-z0-9_]+_(?:total|seconds|bytes|size|info)\b/g),
      ];
      return names
        .map(([name]) => metricOf(name, isMetric))
        .filter((name) => !isMetric(name))
        .map((name) => `${page}: ${name}`);
    });
    expect(unknown).to.deep.equal([]);
  });
});
