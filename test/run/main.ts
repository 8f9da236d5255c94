import { glob } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { findTool } from "@confab/cluster";
import { alone } from "./alone.ts";
import { openLane, type Lane, type Ran } from "./lane.ts";

const help = `Runs the tests: first most files in lanes side by side, each lane with stores of its own, then the files that
measure time, one after the other.

  npm test                          every test
  npm test -- packages/search       the tests of one folder, or of one file
  npm test -- --grep "backlog"      the tests with these words in their names

  --grep <text>   run only tests whose full names contain this text
  --lanes <n>     number of lanes (2, or 1 on one processor)
  --help          print this help`;

/** Number of the slowest files that the summary lists. */
const slowestShown = 10;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { grep: { type: "string" }, lanes: { type: "string" }, help: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  if (values.help) {
    say(help);
    return;
  }
  const files = await findFiles(positionals);
  if (files.length === 0) throw new Error(`There are no tests in ${positionals.join(", ")}`);
  const count = Number(values.lanes ?? Math.min(2, availableParallelism()));
  if (!(Number.isInteger(count) && count > 0)) throw new Error("--lanes takes a whole number from 1 on");
  if (files.some(needsHelm)) findTool("helm").catch(() => undefined);
  const start = performance.now();
  const ran = await runAll(files, count, () => openLane(values));
  summarize(ran, (performance.now() - start) / 60_000);
}

async function findFiles(folders: readonly string[]): Promise<string[]> {
  const found = glob("{packages,services,bench,k8s-dev,charts,test}/**/*.test.ts", {
    exclude: (path) => /(^|\/)(node_modules|dist)$/.test(path),
  });
  const files: string[] = [];
  for await (const file of found)
    if (folders.length === 0 || folders.some((folder) => `${file}/`.startsWith(`${folder}/`))) files.push(file);
  // Tests that need Helm come last, because it may have to be downloaded first.
  return files.sort((one, other) => Number(needsHelm(one)) - Number(needsHelm(other)) || (one < other ? -1 : 1));
}

function needsHelm(file: string): boolean {
  return /^(charts|k8s-dev)\//.test(file);
}

async function runAll(files: readonly string[], count: number, open: () => Lane): Promise<Ran[]> {
  const ran: Ran[] = [];
  const run = async (queue: string[]) => {
    const lane = open();
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await lane.run(file);
      ran.push(result);
      print(result, `${ran.length}/${files.length}`);
    }
    await lane.close();
  };
  const together = files.filter((file) => !alone.has(file));
  await Promise.all(Array.from({ length: count }, () => run(together)));
  // These files run in a process whose heap is still small.
  await run(files.filter((file) => alone.has(file)));
  return ran;
}

function print({ file, seconds, output }: Ran, progress: string): void {
  say(`\n${file}  ${seconds.toFixed(1)} s  ${progress}\n${output.trim()}`);
}

function summarize(ran: readonly Ran[], minutes: number): void {
  const failed = ran.flatMap((each) => each.failed.map((title) => `${each.file}: ${title}`));
  const passed = ran.reduce((sum, each) => sum + each.passed, 0);
  const slowest = [...ran].sort((one, other) => other.seconds - one.seconds).slice(0, slowestShown);
  say(`\n  The slowest files:`);
  for (const { file, seconds } of slowest) say(`  ${seconds.toFixed(0).padStart(5)} s  ${file}`);
  say(`\n  ${passed} passing (${minutes.toFixed(1)} min)`);
  if (failed.length > 0) {
    say(`  ${failed.length} failing\n`);
    for (const title of failed) say(`  ${title}`);
    process.exitCode = 1;
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main();
