import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { verdictFile } from "../run-fault.ts";
import { historyFile } from "../verify/read-lines.ts";
import type { Fault } from "../scene.ts";
import type { Verdict } from "../verify/verdict.ts";

export interface Judged {
  readonly verdict: Verdict;
  readonly historyBytes: number;
}

/**
 * Reads all verdicts in a results folder, ordered by fault and seed. Unfinished runs have no verdict and are left out.
 */
export async function readVerdicts(results: string, faults: readonly Fault[]): Promise<Judged[]> {
  const judged: Judged[] = [];
  for (const { name } of faults) {
    const seeds = await readdir(join(results, name)).catch(() => []);
    for (const seed of seeds.filter((each) => /^\d+$/.test(each)).sort((a, b) => Number(a) - Number(b))) {
      const folder = join(results, name, seed);
      try {
        const verdict = JSON.parse(await readFile(join(folder, verdictFile), "utf8")) as Verdict;
        judged.push({ verdict, historyBytes: (await stat(join(folder, historyFile))).size });
      } catch {
        continue;
      }
    }
  }
  return judged;
}
