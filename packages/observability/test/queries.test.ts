import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { externalMetrics } from "../src/external-metrics.ts";
import { alerts, dashboards } from "../src/index.ts";
import { startInstallation, type Installation } from "./installation.ts";
import { filledIn, seriesOf } from "./prometheus.ts";
import { namesIn } from "./promql.ts";
import { someOfEverything } from "./traffic.ts";

const queries = dashboards.flatMap(({ uid, rows }) =>
  rows.flatMap(({ panels }) =>
    panels.flatMap(({ title, queries }) => queries.map(({ expr }) => ({ panel: `${uid}: ${title}`, expr }))),
  ),
);
/** Kubernetes' own figures are not to be had in a test. */
const isKubernetes = (expr: string): boolean => [...namesIn(expr)].some((name) => name in externalMetrics);

describe("a Prometheus that scrapes a running Confab", function () {
  this.timeout(300_000);
  let installation: Installation;

  before(async () => {
    installation = await startInstallation();
  });
  after(async () => {
    await installation.stop();
  });

  it("has something to show in every panel", async () => {
    const ask = async () => {
      await someOfEverything(installation);
      const empty: string[] = [];
      for (const { panel, expr } of queries) {
        const series = await seriesOf(installation.prometheus, filledIn(expr));
        if (series === 0 && !isKubernetes(expr)) empty.push(`${panel}: ${expr}`);
      }
      expect(empty).to.deep.equal([]);
    };
    await eventually(ask, { timeoutMs: 120_000, intervalMs: 2_000 });
  });

  it("raises no alarm on a healthy Confab, and can evaluate every alert", async () => {
    for (const { expr } of alerts) await seriesOf(installation.prometheus, expr);
    expect(await seriesOf(installation.prometheus, 'ALERTS{alertstate="firing"}')).to.equal(0);
  });
});
