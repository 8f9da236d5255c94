import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { alerts, dashboards } from "../src/index.ts";
import { startsQuery } from "../src/grafana.ts";
import { startInstallation, type Installation } from "./installation.ts";
import { alertsOf, figuresOf, filledIn } from "./prometheus.ts";
import { someOfEverything } from "./traffic.ts";

const queries = dashboards.flatMap(({ uid, rows }) =>
  rows.flatMap(({ panels }) =>
    panels.flatMap(({ title, queries }) => queries.map(({ expr }) => ({ panel: `${uid}: ${title}`, expr }))),
  ),
);
/** Returns whether a query has values only while an alert fires. */
const emptyWhenWell = (expr: string) => expr.includes("ALERTS{");

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
        const figures = await figuresOf(installation.prometheus, filledIn(expr));
        // 0 divided by 0 gives no finite value.
        if (!figures.some(Number.isFinite) && !emptyWhenWell(expr)) empty.push(`${panel}: ${expr}`);
      }
      expect(empty).to.deep.equal([]);
    };
    await eventually(ask, { timeoutMs: 120_000, intervalMs: 2_000 });
    expect(await figuresOf(installation.prometheus, filledIn(startsQuery)), "starts").to.have.length(3);
  });

  it("can evaluate every alert, and has none firing or pending on a healthy Confab", async () => {
    for (const { expr } of alerts) await figuresOf(installation.prometheus, expr);
    expect(await alertsOf(installation.prometheus)).to.deep.equal([]);
  });
});
