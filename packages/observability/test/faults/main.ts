import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { alerts } from "../../src/index.ts";
import { alertsOf } from "../prometheus.ts";
import { faults, type FaultWorld } from "./faults.ts";
import { factor, writeShortRules } from "./short-rules.ts";
import { startWorld } from "./world.ts";

const help = `Breaks a running Confab in every way that an alert is about, and shows that a real Prometheus fires it, and that it ends once
the fault is mended; before that, that a healthy Confab under load raises none.

  npm run alerts -w packages/observability -- …

  --healthy-minutes <n>   minutes of load without a fault, with the chart's rules as they are (1)
  --only <text>           only the faults whose description holds the text
  --help

The faults are judged by the chart's rules with windows and patience ${factor} times shorter; thresholds are as they are. All stores
are its own. It takes about fifteen minutes besides the healthy ones. The result is a Markdown table; exit code 1 when an
alert did not fire or did not end.`;

const patienceMs = 240_000;
const clearMs = 600_000;

interface Outcome {
  readonly what: string;
  readonly alert: string;
  readonly firedAfter: number | undefined;
  readonly mended: string;
  clearedAfter: number | undefined;
}

/** The time in seconds until the alert is as wanted; undefined when it does not get so. */
async function waitFor(prometheus: string, alert: string, wanted: boolean, ms: number): Promise<number | undefined> {
  const began = performance.now();
  while (performance.now() - began < ms) {
    const firing = await alertsOf(prometheus, "firing");
    if (firing.includes(`${alert} firing`) === wanted) return Math.round((performance.now() - began) / 1000);
    await sleep(500);
  }
  return undefined;
}

async function stayHealthy(prometheus: string, minutes: number): Promise<string[]> {
  const seen = new Set<string>();
  const end = performance.now() + minutes * 60_000;
  while (performance.now() < end) {
    for (const alert of await alertsOf(prometheus)) seen.add(alert);
    await sleep(1_000);
  }
  return [...seen];
}

async function breakAndMend(world: FaultWorld, prometheus: string, only: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const clearing: Promise<void>[] = [];
  for (const fault of faults.filter(({ what }) => what.includes(only))) {
    console.error(fault.what);
    const ended = new AbortController();
    await fault.cause(world);
    const feeding = fault.feed?.(world, ended.signal);
    const fired = await Promise.all(fault.alerts.map((alert) => waitFor(prometheus, alert, true, patienceMs)));
    ended.abort();
    await feeding;
    await fault.mend(world);
    for (const [at, alert] of fault.alerts.entries()) {
      const { what, mended } = fault;
      const outcome: Outcome = { what, alert, firedAfter: fired[at], mended, clearedAfter: undefined };
      outcomes.push(outcome);
      console.error(
        `  ${alert}: ${outcome.firedAfter === undefined ? "did NOT fire" : `fired after ${outcome.firedAfter} s`}`,
      );
      if (outcome.firedAfter === undefined) continue;
      clearing.push(
        waitFor(prometheus, alert, false, clearMs).then((seconds) => {
          outcome.clearedAfter = seconds;
        }),
      );
    }
  }
  console.error("waiting until all of them have ended");
  await Promise.all(clearing);
  return outcomes;
}

function tableOf(outcomes: readonly Outcome[]): string {
  const seconds = (time: number | undefined): string => (time === undefined ? "**never**" : `${time} s`);
  return [
    "| fault | alert | fired after | mended by | ended after |",
    "|---|---|---:|---|---:|",
    ...outcomes.map(
      ({ what, alert, firedAfter, mended, clearedAfter }) =>
        `| ${what} | ${alert} | ${seconds(firedAfter)} | ${mended} | ${seconds(clearedAfter)} |`,
    ),
  ].join("\n");
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      "healthy-minutes": { type: "string", default: "1" },
      only: { type: "string", default: "" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const world = await startWorld({ env: { RATE_LIMITS: "off" } });
  const { installation } = world;
  const rules = await writeShortRules();
  const short = await installation.startPrometheusWith(rules);
  try {
    const minutes = Number(values["healthy-minutes"]);
    const seen = await stayHealthy(installation.prometheus, minutes);
    const healthy = seen.length === 0 ? "no alert fired or was pending" : `SEEN: ${seen.join(", ")}`;
    console.log(`${minutes} min of load, the chart's rules as they are: ${healthy}\n`);

    const outcomes = await breakAndMend(world, short.url, values.only);
    console.log(tableOf(outcomes));
    const names = new Set(outcomes.map(({ alert }) => alert.split(" ")[0]));
    const missing = values.only === "" ? alerts.map(({ name }) => name).filter((name) => !names.has(name)) : [];
    if (missing.length > 0) console.log(`\nwithout a fault: ${[...new Set(missing)].join(", ")}`);
    const failed = outcomes.some(
      ({ firedAfter, clearedAfter }) => firedAfter === undefined || clearedAfter === undefined,
    );
    if (failed || missing.length > 0 || seen.length > 0) process.exitCode = 1;
  } finally {
    await short.stop();
    await rm(rules, { recursive: true });
    await world.stop();
  }
}

await main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
