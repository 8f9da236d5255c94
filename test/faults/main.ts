import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bindToThisProcess, unbind } from "@confab/local";
import { scratchRoot } from "@confab/testkit";
import { controls } from "./nemeses/controls.ts";
import { faults } from "./nemeses/index.ts";
import { help, readOptions, type Options } from "./options.ts";
import { readVerdicts } from "./report/read-verdicts.ts";
import { writeReport } from "./report/write-report.ts";
import { runFault, verdictFile } from "./run-fault.ts";
import { verifyFolder } from "./verify/read-lines.ts";
import { startSharedStores, type SharedStores } from "./world/stores.ts";
import type { Fault } from "./scene.ts";
import type { Verdict } from "./verify/verdict.ts";

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A fault that never ends must not prevent the others from running. */
const longestRunMs = 240_000;

interface Planned {
  readonly fault: Fault;
  readonly seed: number;
  readonly folder: string;
}

/** Plans all faults with the first seed, then all with the next: even an interrupted series covers every fault. */
function plan({ one, seeds, results, controls: controlling }: Options): Planned[] {
  const all = controlling ? controls.map(({ fault }) => fault) : faults;
  for (const name of one)
    if (!all.some((fault) => fault.name === name))
      throw new Error(`there is no fault named ${name}; --list shows the names`);
  const wanted = all.filter(({ name }) => one.length === 0 || one.includes(name));
  return seeds.flatMap((seed) =>
    wanted.map((fault) => ({ fault, seed, folder: join(results, fault.name, String(seed)) })),
  );
}

async function runAll(options: Options): Promise<number> {
  const planned = plan(options).filter(({ folder }) => options.again || !existsSync(join(folder, verdictFile)));
  if (planned.length === 0) return 0;
  const until = performance.now() + options.minutes * 60_000;
  const scratch = await mkdtemp(join(await scratchRoot(), "confab-faults-"));
  // Remove the folder even if this process is killed.
  bindToThisProcess({ folder: scratch });
  let unfinished = 0;
  let stores: SharedStores | undefined;
  try {
    for (const { fault, seed } of planned) {
      if (performance.now() > until) {
        print(`${options.minutes} minutes have passed; run the same command again for the remaining faults`);
        break;
      }
      const why = fault.cannotRun?.();
      if (why !== undefined) {
        print(`${fault.name}: skipped: ${why}`);
        continue;
      }
      stores ??= await startSharedStores(await mkdtemp(join(scratch, "stores-")), options.search);
      try {
        const run = runFault({ fault, seed, stores, scratch, results: options.results });
        print(describe(await within(longestRunMs, run)));
      } catch (error) {
        unfinished += 1;
        print(`${fault.name}, seed ${seed}: NOT FINISHED: ${error instanceof Error ? error.message : String(error)}`);
        // The fault may have left the stores broken.
        await stores.stop();
        stores = undefined;
      }
    }
  } finally {
    await stores?.stop();
    await rm(scratch, { recursive: true, force: true });
    unbind({ folder: scratch });
  }
  return unfinished;
}

function describe({ fault, seed, valid, bit, anomalies, messages, changes, events, recoveryMs }: Verdict): string {
  const { attempted, ok, info, failed } = messages;
  const figures = `${attempted} sent: ${ok} ok, ${info} info, ${failed} failed; ${changes.ok} changes, ${events} events; recovered after ${Math.round(recoveryMs)} ms`;
  const wrong = anomalies.map(
    ({ invariant, count, examples }) => `\n    ${invariant} × ${count}: ${examples[0] ?? ""}`,
  );
  const noBite = bit ? "" : "\n    the fault had no effect: no client noticed it";
  return `${valid ? "valid  " : "INVALID"} ${fault}, seed ${seed}: ${figures}${noBite}${wrong.join("")}`;
}

async function verifyAgain(options: Options): Promise<void> {
  for (const { folder } of plan(options)) {
    if (!existsSync(join(folder, verdictFile))) continue;
    const verdict = await verifyFolder(folder);
    await writeFile(join(folder, verdictFile), JSON.stringify(verdict, null, 1));
    print(describe(verdict));
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`the run did not end within ${ms / 1000} s`));
  }, ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    print(help);
    return;
  }
  if (options.list) {
    for (const { name, title } of faults) print(`${name.padEnd(30)} ${title}`);
    return;
  }
  const unfinished = options.verify ? 0 : await runAll(options);
  if (options.verify) await verifyAgain(options);
  const isGood = options.controls ? await judgeControls(options) : await judgeFaults(options, unfinished);
  if (!isGood || unfinished > 0) process.exitCode = 1;
}

async function judgeFaults(options: Options, unfinished: number): Promise<boolean> {
  const judged = await readVerdicts(options.results, faults);
  await writeReport(options.report, faults, judged);
  const invalid = judged.filter(({ verdict }) => !verdict.valid);
  print(`${judged.length} runs judged, ${invalid.length} invalid, ${unfinished} not finished: see ${options.report}`);
  return invalid.length === 0;
}

/** Each control must turn every invariant red that it is made to violate. */
async function judgeControls(options: Options): Promise<boolean> {
  const all = controls.map(({ fault }) => fault);
  const judged = await readVerdicts(options.results, all);
  const missed = judged.flatMap(({ verdict }) => {
    const found = new Set(verdict.anomalies.map(({ invariant }) => invariant));
    const { reddens = [] } = controls.find(({ fault }) => fault.name === verdict.fault) ?? {};
    const stillGreen = reddens.filter((invariant) => !found.has(invariant));
    return stillGreen.length === 0
      ? []
      : [`${verdict.fault}, seed ${verdict.seed}: ${stillGreen.join(", ")} did not turn red`];
  });
  for (const line of missed) print(line);
  print(`${judged.length} controls judged, ${missed.length} not noticed`);
  return missed.length === 0;
}

await main();
