import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { alerts } from "../../src/index.ts";
import { alertsOf } from "../prometheus.ts";
import { withoutFault, type Fault, type FaultWorld } from "./fault.ts";
import { messageFaults } from "./message-faults.ts";
import { factor, writeShortRules } from "./short-rules.ts";
import { otherFaults, redisFaults } from "./store-faults.ts";
import { startWorld } from "./world.ts";

const help = `Breaks a running Confab in the ways that alerts are about, and shows that a real Prometheus fires each alert and that it ends when the
fault is fixed. First it shows that a healthy Confab under load raises no alert.

  npm run alerts -w packages/generate -- …

  --healthy-minutes <n>   minutes of load without a fault, with the chart's rules unchanged (1)
  --only <text>           only the faults whose description contains the text
  --help

The faults are judged by the chart's rules with windows and "for" ${factor} times shorter; thresholds are unchanged. All stores are
its own. It takes about twenty minutes besides the healthy ones. The result is a Markdown table; the exit code is 1 when an alert
did not fire, did not end, or fired although another one says why.`;

const faults: readonly Fault[] = [...messageFaults, ...otherFaults, ...redisFaults];
const fireMs = 240_000;
const clearMs = 600_000;

interface Outcome {
  readonly what: string;
  readonly alert: string;
  readonly firedAfter: number | undefined;
  readonly fixedBy: string;
  clearedAfter: number | undefined;
}

interface Result {
  readonly outcomes: readonly Outcome[];
  /** Alerts that fired although other alerts say why. */
  readonly redundant: readonly string[];
}

/**
 * Waits until an alert fires or ends. Returns how many seconds it took, or undefined if it did not happen within `ms`.
 */
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

async function breakAndFix(world: FaultWorld, prometheus: string, only: string): Promise<Result> {
  const outcomes: Outcome[] = [];
  const redundant: string[] = [];
  const clearing: Promise<void>[] = [];
  for (const fault of faults.filter(({ what }) => what.includes(only))) {
    console.error(fault.what);
    const ended = new AbortController();
    await fault.cause(world);
    const feeding = fault.feed?.(world, ended.signal);
    const watching = watchSilent(prometheus, fault, ended.signal);
    const fired = await Promise.all(fault.alerts.map((alert) => waitFor(prometheus, alert, true, fireMs)));
    // An alert that must stay silent would fire within this time.
    if (fault.silent !== undefined) await sleep(60_000);
    ended.abort();
    await feeding;
    redundant.push(...(await watching).map((alert) => `${alert} (${fault.what})`));
    await fault.fix?.(world);
    for (const [at, alert] of fault.alerts.entries()) {
      const { what, fixedBy } = fault;
      const outcome: Outcome = { what, alert, firedAfter: fired[at], fixedBy, clearedAfter: undefined };
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
  return { outcomes, redundant };
}

/**
 * Returns the alerts that should have been silent but fired before `ended` was aborted. Alerts that already fired
 * before the fault do not count.
 */
async function watchSilent(prometheus: string, { silent = [] }: Fault, ended: AbortSignal): Promise<string[]> {
  const before = new Set(await alertsOf(prometheus, "firing"));
  const seen = new Set<string>();
  while (!ended.aborted) {
    const firing = await alertsOf(prometheus, "firing");
    for (const alert of silent) {
      if (firing.includes(`${alert} firing`) && !before.has(`${alert} firing`)) seen.add(alert);
    }
    await sleep(500);
  }
  return [...seen];
}

function tableOf(outcomes: readonly Outcome[]): string {
  const seconds = (time: number | undefined): string => (time === undefined ? "**never**" : `${time} s`);
  return [
    "| fault | alert | fired after | fixed by | ended after |",
    "|---|---|---:|---|---:|",
    ...outcomes.map(
      ({ what, alert, firedAfter, fixedBy, clearedAfter }) =>
        `| ${what} | ${alert} | ${seconds(firedAfter)} | ${fixedBy} | ${seconds(clearedAfter)} |`,
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

    const { outcomes, redundant } = await breakAndFix(world, short.url, values.only);
    console.log(tableOf(outcomes));
    const names = new Set(outcomes.map(({ alert }) => alert.split(" ")[0]));
    const missing =
      values.only === ""
        ? alerts.map(({ name }) => name).filter((name) => !names.has(name) && !(name in withoutFault))
        : [];
    if (redundant.length > 0) console.log(`\nredundant: ${redundant.join(", ")}`);
    if (missing.length > 0) console.log(`\nwithout a fault: ${[...new Set(missing)].join(", ")}`);
    const failed = outcomes.some(
      ({ firedAfter, clearedAfter }) => firedAfter === undefined || clearedAfter === undefined,
    );
    if (failed || redundant.length > 0 || missing.length > 0 || seen.length > 0) process.exitCode = 1;
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
