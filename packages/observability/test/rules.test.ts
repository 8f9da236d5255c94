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
import { alertCases, type AlertCase } from "./alert-cases.ts";

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

  it("has a case in which it fires and one in which it is silent", () => {
    expect(new Set(Object.keys(alertCases))).to.deep.equal(names);
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
  const files = globSync(join(chartFolder, "rules/*.yaml"));

  before(async () => {
    promtool = await ensurePromtool();
    folder = await mkdtemp(join(tmpdir(), "confab-rules-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("takes them", async () => {
    const { stdout } = await run(promtool, ["check", "rules", ...files]);
    expect(stdout.match(/SUCCESS/g)).to.have.length(files.length);
  });

  it("fires every alert on its fault, and none of them on a near miss", async () => {
    const tests = Object.entries(alertCases).flatMap(([alert, known]) => [
      testOf(alert, known, "fires"),
      testOf(alert, known, "silent"),
    ]);
    const file = join(folder, "tests.yaml");
    await writeFile(file, JSON.stringify({ rule_files: files, evaluation_interval: "1m", tests }));
    const { stdout, stderr } = await run(promtool, ["test", "rules", file]).catch(
      (error: unknown) => error as { stdout: string; stderr: string },
    );
    expect(stdout + stderr).to.match(/SUCCESS\s*$/);
  });
});

function testOf(alert: string, known: AlertCase, outcome: "fires" | "silent") {
  const isFiring = `count(ALERTS{alertname="${alert}",alertstate="firing"}) > bool 0`;
  return {
    name: `${alert} ${outcome}`,
    interval: "1m",
    input_series: known[outcome].map(([series, values]) => ({ series, values })),
    promql_expr_test: [
      {
        expr: isFiring,
        eval_time: `${known.after ?? 30}m`,
        exp_samples: outcome === "fires" ? [{ labels: "{}", value: 1 }] : [],
      },
    ],
  };
}
