import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { ensurePromtool } from "@confab/testkit";
import { expect } from "chai";
import { chartFolder, generatedFiles } from "../src/generated-files.ts";
import { alerts } from "../src/index.ts";
import type { Scenario } from "./alert-case.ts";
import { alertCases } from "./alert-cases.ts";

const run = promisify(execFile);
const runbooks = join(import.meta.dirname, "../../../docs/runbooks");
const names = new Set(alerts.map(({ name }) => name));

describe("an alert", () => {
  it("says with its figure what is wrong", () => {
    const mute = alerts.filter(({ summary, description }) => summary === "" || !description.includes("$value"));
    expect(mute.map(({ name }) => name)).to.deep.equal([]);
  });

  it("has a runbook that says what it means, how to look and what to do", () => {
    for (const name of names) {
      const page = join(runbooks, `${name}.md`);
      expect(existsSync(page), `docs/runbooks/${name}.md`).to.equal(true);
      const text = readFileSync(page, "utf8");
      expect(text.startsWith(`# ${name}\n`), name).to.equal(true);
      expect([...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).to.deep.equal([
        "What it means",
        "How to look",
        "What to do",
      ]);
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
    folder = await mkdtemp(join(tmpdir(), "confab-rules-"));
    // As the chart does for a release whose objects begin with confab.
    files = await Promise.all(
      globSync(join(chartFolder, "rules/*.yaml")).map(async (file) => {
        const copy = join(folder, basename(file));
        await writeFile(copy, readFileSync(file, "utf8").replaceAll("CONFAB_FULLNAME", "confab"));
        return copy;
      }),
    );
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("takes them", async () => {
    const { stdout } = await run(promtool, ["check", "rules", ...files]);
    expect(stdout.match(/SUCCESS/g)).to.have.length(files.length);
  });

  it("fires every alert on its fault, and none of them on a near miss", async () => {
    const tests = Object.entries(alertCases).flatMap(([alert, { fires, silent }]) => [
      ...fires.map((scenario) => testOf(alert, scenario, scenario.labels)),
      ...silent.map((scenario) => testOf(alert, scenario)),
    ]);
    const file = join(folder, "tests.yaml");
    await writeFile(file, JSON.stringify({ rule_files: files, evaluation_interval: "1m", tests }));
    const { stdout, stderr } = await run(promtool, ["test", "rules", file]).catch(
      (error: unknown) => error as { stdout: string; stderr: string },
    );
    const output = (stdout + stderr).slice(0, 10_000);
    expect(output, output).to.match(/SUCCESS\s*$/);
  });
});

/** With labels: what fires in the end, and nothing else of that name. Without: that it never fired. */
function testOf(alert: string, { series, after = 30 }: Scenario, labels?: Readonly<Record<string, string>>) {
  const firing = `ALERTS{alertname="${alert}",alertstate="firing"}`;
  const written = Object.entries({ alertname: alert, alertstate: "firing", ...labels }).map(
    ([name, value]) => `${name}="${value}"`,
  );
  return {
    name: `${alert} ${labels === undefined ? "is silent" : "fires"}`,
    interval: "1m",
    input_series: series.map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [
      {
        expr: labels === undefined ? `max_over_time(${firing}[${after}m])` : firing,
        eval_time: `${after}m`,
        exp_samples: labels === undefined ? [] : [{ labels: `ALERTS{${written.join(",")}}`, value: 1 }],
      },
    ],
  };
}
