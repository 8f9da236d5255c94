import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createPage } from "./page.ts";
import { rows } from "./rows/index.ts";
import type { RowResult } from "./results.ts";

const root = join(import.meta.dirname, "../..");
const file = join(root, ".confab/bench/results.json");
const page = join(root, "docs/benchmarks/README.md");

/**
 * Saves results in .confab/bench, replacing earlier results of the same rows, and renders the result page from all of
 * them.
 */
export async function writeResults(results: readonly RowResult[]): Promise<void> {
  const earlier = await readResults();
  const latest = rows.flatMap(({ name }) => [...results, ...earlier].find((result) => result.name === name) ?? []);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(latest, undefined, 1)}\n`);
  await writeFile(page, createPage(rows, latest));
}

async function readResults(): Promise<RowResult[]> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as RowResult[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
