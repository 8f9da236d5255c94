import type { IPrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import { expect } from "chai";
import type { IConfigMap } from "kubernetes-models/v1";
import { ofKind } from "./src/manifests.ts";
import { renderWith } from "./src/scenarios.ts";

interface Rule {
  readonly alert?: string;
  readonly expr: string | number;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const rule = "monitoring.prometheusRule";

async function monitoring(...sets: string[]) {
  const all = ["monitoring.force=true", `${rule}.enabled=true`, "monitoring.dashboards.enabled=true", ...sets];
  const manifests = await renderWith(...all.flatMap((set) => ["--set", set]));
  const rules = ofKind<IPrometheusRule>(manifests, "PrometheusRule").flatMap(({ spec }) =>
    (spec.groups ?? []).flatMap((group) => (group.rules ?? []) as Rule[]),
  );
  const dashboards = ofKind<IConfigMap>(manifests, "ConfigMap")
    .filter(({ metadata }) => metadata.name.includes("-dashboard-"))
    .flatMap(({ data = {} }) => Object.values(data));
  const alerts = rules.filter(({ alert }) => alert !== undefined);
  const named = (name: string) => alerts.filter(({ alert }) => alert === name);
  return { rules, alerts, named, dashboards };
}

describe("rules and dashboards", () => {
  it("select the objects of this release, whatever its name", async () => {
    for (const [sets, fullname] of [
      [[], "confab"],
      [["fullnameOverride=chat"], "chat"],
    ] as const) {
      const { alerts, dashboards } = await monitoring(...sets);
      const inRules = alerts.flatMap(({ expr }) => matchersIn(String(expr)));
      expect(new Set(inRules.map(({ label }) => label))).to.include.all.keys(Object.keys(objectNames));
      for (const { label, pattern } of [...inRules, ...dashboards.flatMap((text) => matchersIn(unescaped(text)))]) {
        expect(selects(pattern, label, fullname), String(pattern)).to.equal(true);
      }
      for (const { label, pattern } of inRules) {
        expect(selects(pattern, label, "other"), String(pattern)).to.equal(false);
      }
      expect(JSON.stringify(alerts)).to.not.include("CONFAB_FULLNAME");
      expect(dashboards.join("")).to.not.include("CONFAB_FULLNAME");
    }
  });

  it("have no link to a runbook or dashboard without a URL for it", async () => {
    const { alerts, dashboards } = await monitoring();
    for (const { annotations } of alerts) expect(annotations).to.not.have.any.keys("runbook_url", "dashboard");
    expect(dashboards).to.have.length.greaterThan(0);
    const linked = await monitoring(`${rule}.runbookUrlPrefix=https://example.com/runbooks/`);
    for (const [index, text] of dashboards.entries()) {
      expect(text).to.not.include("docs/runbooks/");
      expect(panelsIn(text)).to.deep.equal(panelsIn(linked.dashboards[index]!));
    }
  });

  it("link to runbooks and dashboards at the URLs of the values", async () => {
    const { named, dashboards } = await monitoring(
      `${rule}.runbookUrlPrefix=https://example.com/runbooks/`,
      `${rule}.dashboardUrlPrefix=https://grafana.example.com`,
    );
    expect(named("ConfabTargetDown")[0]?.annotations).to.include({
      runbook_url: "https://example.com/runbooks/ConfabTargetDown.md",
      dashboard: "https://grafana.example.com/d/confab-runtime",
    });
    expect(dashboards.join("")).to.include("https://example.com/runbooks/Confab").and.not.include("docs/runbooks/");
  });
});

describe("an alert", () => {
  it("has a usual severity by default, or the one in the values", async () => {
    const usual = (await monitoring()).alerts.map(({ labels }) => labels?.severity);
    expect(new Set(usual)).to.deep.equal(new Set(["critical", "warning"]));
    const own = await monitoring(`${rule}.severities.critical=P1`, `${rule}.severities.warning=P3`);
    expect(new Set(own.alerts.map(({ labels }) => labels?.severity))).to.deep.equal(new Set(["P1", "P3"]));
  });

  it("can have other labels, another threshold, duration and severity, or be removed", async () => {
    const change = `${rule}.alerts.ConfabOldestPendingTooOld`;
    const { alerts, named } = await monitoring(
      `${rule}.alertLabels.team=chat`,
      `${change}.thresholds.60=120`,
      `${change}.for=7m`,
      `${change}.severity=P2`,
      `${change}.labels.team=storage`,
      `${rule}.alerts.ConfabQueueGrowing.enabled=false`,
    );
    const [changed] = named("ConfabOldestPendingTooOld");
    expect(changed).to.deep.include({ for: "7m", labels: { severity: "P2", team: "storage" } });
    expect(String(changed?.expr))
      .to.match(/> 120\b/)
      .and.not.match(/> 60\b/);
    expect(named("ConfabQueueGrowing")).to.deep.equal([]);
    const others = alerts.filter(({ alert }) => alert !== "ConfabOldestPendingTooOld");
    for (const { labels } of others) expect(labels).to.include({ team: "chat" });
  });
});

/**
 * Names of objects, by the label that contains them in the metrics of Kubernetes. X is the full name of the release.
 */
const objectNames = {
  cronjob: ["X-canary", "X-backup"],
  horizontalpodautoscaler: ["keda-hpa-X-worker"],
  job_name: ["X-migrate-3"],
  persistentvolumeclaim: ["data-X-mysql-0", "data-X-redis-0"],
};

function selects(pattern: RegExp, label: keyof typeof objectNames, fullname: string): boolean {
  return objectNames[label].some((name) => pattern.test(name.replace("X", fullname)));
}

function matchersIn(text: string): { label: keyof typeof objectNames; pattern: RegExp }[] {
  return [...text.matchAll(/\b(cronjob|horizontalpodautoscaler|job_name|persistentvolumeclaim)=~?"([^"]+)"/g)].map(
    ([, label, pattern]) => ({ label: label as keyof typeof objectNames, pattern: new RegExp(`^(?:${pattern!})$`) }),
  );
}

/** Returns JSON with unescaped quotation marks, so that its expressions are readable. */
function unescaped(json: string): string {
  return json.replaceAll('\\"', '"');
}

function panelsIn(json: string): string[] {
  const { panels } = JSON.parse(json) as { panels: readonly { title: string }[] };
  return panels.map(({ title }) => title);
}
