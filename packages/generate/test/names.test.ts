import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { metricCatalogue } from "@confab/metrics";
import { expect } from "chai";
import { startsQuery } from "../src/grafana.ts";
import { externalMetrics } from "../src/external-metrics.ts";
import { alerts, dashboards } from "../src/index.ts";
import { recordingRules } from "../src/rules/recording.ts";
import { unusedMetrics } from "../src/unused-metrics.ts";
import { metricOf, namesIn, summedIn } from "./promql.ts";

const root = join(import.meta.dirname, "../../..");
const isMetric = (name: string): boolean => name in metricCatalogue;
const recorded = new Set(recordingRules.map(({ record }) => record));
const expressions = [
  ...dashboards.flatMap(({ rows }) => rows.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries))),
  ...alerts,
  ...recordingRules,
  { expr: startsQuery },
].map(({ expr }) => expr);
const used = new Set(expressions.flatMap((expr) => [...namesIn(expr)]).map((name) => metricOf(name, isMetric)));

describe("the metrics that dashboards and rules name", () => {
  it("are in the catalogue, recorded by a rule, or listed as external", () => {
    const unknown = [...used].filter((name) => !isMetric(name) && !recorded.has(name) && !(name in externalMetrics));
    expect(unknown).to.deep.equal([]);
  });

  it("include the whole catalogue, except for those listed with a reason", () => {
    const names = Object.keys(metricCatalogue);
    expect(names.filter((name) => !used.has(name) && !(name in unusedMetrics))).to.deep.equal([]);
    expect(Object.keys(unusedMetrics).filter((name) => used.has(name) || !isMetric(name))).to.deep.equal([]);
    expect(Object.keys(externalMetrics).filter((name) => !used.has(name))).to.deep.equal([]);
    expect([...recorded].filter((name) => !used.has(name))).to.deep.equal([]);
  });

  const isShared = (name: string): boolean => isMetric(name) && "shared" in metricCatalogue[name as never];
  const sumsShared = (expr: string): boolean => [...summedIn(expr)].some((name) => isShared(metricOf(name, isMetric)));

  it("are never summed where they are shared", () => {
    expect(expressions.filter(sumsShared)).to.deep.equal([]);
  });

  it("are recognised as sums in every notation", () => {
    const bad = [
      "sum(confab_messages_pending)",
      'sum(confab_messages_pending{namespace=~"$namespace"})',
      "sum by (namespace) (confab_messages_pending)",
      "sum (confab_messages_pending) by (namespace)",
      "1 - sum without (instance) (deriv(confab_messages_pending[5m])) / 2",
      "max(sum(confab_queue_jobs))",
      "sum(max(confab_queue_jobs) + confab_dead_letters)",
    ];
    expect(bad.filter((expr) => !sumsShared(expr))).to.deep.equal([]);
    const good = [
      "sum(max by (queue) (confab_queue_jobs))",
      "max(confab_messages_pending) / sum(rate(http_requests_total[5m]))",
    ];
    expect(good.filter(sumsShared)).to.deep.equal([]);
  });
});

describe("the metrics that the documents name", () => {
  // Every word that begins like a metric must be a metric.
  const prefixes = new Set(Object.keys(metricCatalogue).map((name) => name.split("_")[0]!));
  const like = new RegExp(`\\b(?:${[...prefixes].join("|")})_[a-z0-9_]+`, "g");
  /** Volumes of Docker Compose whose names look like metrics. */
  const volumes = ["confab_secrets"];
  const unknownIn = (text: string): string[] =>
    [...text.matchAll(like)]
      .map(([name]) => metricOf(name, isMetric))
      .filter((name) => !isMetric(name) && !volumes.includes(name));

  it("are in the catalogue", () => {
    const pages = globSync("{*.md,{docs,charts,packages,services,bench,k8s-dev,test}/**/*.md}", {
      cwd: root,
      exclude: (path) => /(?:^|\/)(?:node_modules|dist)$/.test(path),
    });
    expect(pages).to.include.members(["README.md", "bench/README.md", "docs/how-to/scale.md"]);
    const unknown = pages.flatMap((page) =>
      unknownIn(readFileSync(join(root, page), "utf8")).map((name) => `${page}: ${name}`),
    );
    expect(unknown).to.deep.equal([]);
  });

  it("would be noticed if they were not", () => {
    const text =
      "confab_messages_waiting, http_requests_in_flight, process_cpu_seconds_total, nodejs_lag, confab_search_off";
    expect(unknownIn(text)).to.deep.equal(["confab_messages_waiting", "nodejs_lag", "confab_search_off"]);
  });
});
