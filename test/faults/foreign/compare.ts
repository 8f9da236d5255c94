import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { InvariantName } from "../verify/invariants.ts";
import type { Verdict } from "../verify/verdict.ts";

/** Porcupine's verdict on a run, in the format of main.go. */
interface Opinion {
  readonly folder: string;
  readonly linearizable: boolean;
  readonly operations: number;
  readonly why?: string;
}

/** The invariants of a chat as an append-only log. Porcupine checks only these. */
const shared = new Set<InvariantName>(["I1", "I2", "I3", "I6", "I13", "I15"]);

const results = resolve(process.argv[2] ?? ".confab/faults");

async function judgedFolders(): Promise<string[]> {
  const faults = await readdir(results, { withFileTypes: true });
  const folders = await Promise.all(
    faults
      .filter((entry) => entry.isDirectory())
      .map(async ({ name }) => (await readdir(join(results, name))).map((seed) => join(results, name, seed))),
  );
  return folders.flat().filter((folder) => existsSync(join(folder, "verdict.json")));
}

async function askPorcupine(folders: readonly string[]): Promise<Opinion[]> {
  const { stdout } = await promisify(execFile)("go", ["run", ".", ...folders], {
    cwd: import.meta.dirname,
    maxBuffer: 1 << 26,
  });
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Opinion);
}

async function main(): Promise<void> {
  const folders = await judgedFolders();
  if (folders.length === 0) throw new Error(`${results} contains no judged run; run \`make faults\` first`);
  let disagreements = 0;
  let operations = 0;
  for (const opinion of await askPorcupine(folders)) {
    const verdict = JSON.parse(await readFile(join(opinion.folder, "verdict.json"), "utf8")) as Verdict;
    const isClean = !verdict.anomalies.some(({ invariant }) => shared.has(invariant));
    const agrees = isClean === opinion.linearizable;
    await writeFile(join(opinion.folder, "foreign.json"), JSON.stringify({ ...opinion, folder: undefined, agrees }));
    operations += opinion.operations;
    if (agrees) continue;
    disagreements += 1;
    const why = opinion.why ?? "linearizable";
    process.stdout.write(`${verdict.fault}, seed ${verdict.seed}: Porcupine reports: ${why}; the verifier disagrees\n`);
  }
  process.stdout.write(
    `${folders.length} runs, ${operations} operations: both verifiers agree on ${folders.length - disagreements}\n`,
  );
  if (disagreements > 0) process.exitCode = 1;
}

await main();
