import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { metricCatalogue, type MetricRow } from "@confab/metrics";
import { ensurePromtool } from "@confab/testkit";
import { expect } from "chai";
import { chartFolder, generatedFiles } from "../src/generated-files.ts";
import { alerts, ruleFiles } from "../src/index.ts";
import type { Rule } from "../src/rules.ts";
import type { Scenario, Series } from "./cases/alert-case.ts";
import { alertCases } from "./cases/index.ts";
import { writeRules } from "./written-rules.ts";

const run = promisify(execFile);
type FsyncPolicy = NonNullable<MetricRow["movesWith"]>[number];
const runbooks = join(import.meta.dirname, "../../../docs/runbooks");
const names = new Set(alerts.map(({ name }) => name));

describe("an alert", () => {
  it("describes what is wrong with its value", () => {
    const mute = alerts.filter(({ summary, description }) => summary === "" || !description.includes("$value"));
    expect(mute.map(({ name }) => name)).to.deep.equal([]);
  });

  it("has a runbook that says what it means, how to investigate and what to do", () => {
    for (const name of names) {
      const page = join(runbooks, `${name}.md`);
      expect(existsSync(page), `docs/runbooks/${name}.md`).to.equal(true);
      const text = readFileSync(page, "utf8");
      expect(text.startsWith(`# ${name}\n`), name).to.equal(true);
      const titles = [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title).join("; ");
      expect(titles, name).to.match(/^What it means; How to investigate; What to do$/);
    }
    const pages = globSync("Confab*.md", { cwd: runbooks }).map((page) => basename(page, ".md"));
    expect(new Set(pages)).to.deep.equal(names);
  });

  it("has cases in which it fires and near misses in which it is silent", () => {
    expect(new Set(Object.keys(alertCases))).to.deep.equal(names);
    for (const [name, { fires, silent }] of Object.entries(alertCases)) {
      expect(fires.length, name).to.be.at.least(1);
      expect(silent.length, name).to.be.at.least(1);
    }
  });
});

/** Returns the metric of a series in promtool's notation. */
const metricOf = (series: string): string => /^\w+/.exec(series)![0];
/** Returns whether a series keeps its first value. */
const isConstant = (values: string): boolean => /^[\d.]+x\d+$/.test(values);
/** Returns a series in the format of promtool's tests. */
function inputOf(text: Series): { series: string; values: string } {
  const [, series, values] = /^(\w+(?:\{.*\})?) (.+)$/.exec(text)!;
  return { series: series!, values: values! };
}

describe("an alert, whatever appendfsync of Redis is,", () => {
  const moves = (metric: string, policy: FsyncPolicy): boolean =>
    (metricCatalogue as Readonly<Record<string, MetricRow>>)[metric]?.movesWith?.includes(policy) ?? true;

  for (const policy of ["always", "everysec", "no"] as const) {
    it(`has a case in which it can fire: ${policy}`, () => {
      const dead = Object.entries(alertCases).filter(([, { fires }]) =>
        fires.every(({ series: all }) =>
          all.map(inputOf).some(({ series, values }) => !moves(metricOf(series), policy) && !isConstant(values)),
        ),
      );
      expect(dead.map(([name]) => name)).to.deep.equal([]);
    });
  }

  it("would be found if it could not: the write of an append-only file fails", () => {
    expect(moves("confab_redis_aof_last_write_ok", "always")).to.equal(false);
    expect(isConstant("1 0x30")).to.equal(false);
  });
});

describe("the chart's rules and dashboards", () => {
  it("are what their source gives", async () => {
    for (const [path, text] of Object.entries(await generatedFiles())) {
      expect(readFileSync(join(chartFolder, path), "utf8"), path).to.equal(text);
    }
  });
});

describe("Prometheus, given the chart's rules,", function () {
  this.timeout(300_000);
  let promtool: string;
  let folder: string;
  let files: string[];

  before(async () => {
    promtool = await ensurePromtool();
    ({ folder, files } = await writeRules());
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("accepts them", async () => {
    const { stdout } = await run(promtool, ["check", "rules", ...files]);
    expect(stdout.match(/SUCCESS/g)).to.have.length(files.length);
  });

  for (const [alert, { fires, silent, ends = [] }] of Object.entries(alertCases)) {
    it(`fires ${alert} on its fault and not on a near miss`, async () => {
      const tests = [
        ...fires.map((scenario) => testOf(alert, scenario, scenario.labels)),
        ...silent.map((scenario) => testOf(alert, scenario)),
        ...ends.map((scenario) => endTestOf(alert, scenario)),
      ];
      const needed = rulesFor(alert);
      const written = await writeRules("confab", (group) => ({ ...group, rules: group.rules.filter(needed) }));
      const file = join(written.folder, "tests.yaml");
      await writeFile(file, JSON.stringify({ rule_files: written.files, evaluation_interval: "1m", tests }));
      const { stdout, stderr } = await run(promtool, ["test", "rules", file]).catch(
        (error: unknown) => error as { stdout: string; stderr: string },
      );
      await rm(written.folder, { recursive: true });
      const output = (stdout + stderr).slice(0, 10_000);
      expect(output, output).to.match(/SUCCESS\s*$/);
    });
  }
});

/**
 * Returns a filter for the rules that an alert reads, directly or through other rules. Evaluating all rules for days of
 * samples takes minutes.
 */
function rulesFor(alert: string): (rule: Rule) => boolean {
  const rules = Object.values(ruleFiles()).flatMap(({ groups }) => groups.flatMap((group) => group.rules));
  const nameOf = (rule: Rule): string => rule.alert ?? rule.record ?? "";
  const needed = new Set([alert]);
  for (const name of needed) {
    for (const { expr } of rules.filter((rule) => nameOf(rule) === name)) {
      for (const other of rules.map(nameOf))
        if (new RegExp(`(?<![\\w:])${other}(?![\\w:])`).test(expr)) needed.add(other);
    }
  }
  return (rule) => needed.has(nameOf(rule));
}

/** Returns a test which checks that the alert fired at some point but does not fire at the end. */
function endTestOf(alert: string, { series, after = 30 }: Scenario) {
  const firing = `ALERTS{alertname="${alert}",alertstate="firing"}`;
  const at = (expr: string, samples: readonly object[]) => ({ expr, eval_time: `${after}m`, exp_samples: samples });
  return {
    name: `${alert} ends`,
    interval: "1m",
    input_series: series.map(inputOf),
    promql_expr_test: [at(firing, []), at(`count(max_over_time(${firing}[${after}m]))`, [{ labels: "{}", value: 1 }])],
  };
}

/**
 * Returns a test. With labels, exactly the alert with these labels must fire at the end. Without labels, the alert must
 * never fire.
 */
function testOf(alert: string, { series, after = 30 }: Scenario, labels?: Readonly<Record<string, string>>) {
  const firing = `ALERTS{alertname="${alert}",alertstate="firing"}`;
  const written = Object.entries({ alertname: alert, alertstate: "firing", ...labels }).map(
    ([name, value]) => `${name}="${value}"`,
  );
  return {
    name: `${alert} ${labels === undefined ? "is silent" : "fires"}`,
    interval: "1m",
    input_series: series.map(inputOf),
    promql_expr_test: [
      {
        expr: labels === undefined ? `max_over_time(${firing}[${after}m])` : firing,
        eval_time: `${after}m`,
        exp_samples: labels === undefined ? [] : [{ labels: `ALERTS{${written.join(",")}}`, value: 1 }],
      },
    ],
  };
}
