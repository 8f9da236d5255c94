import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createPage, replaceFigures } from "./page.ts";
import { rows } from "./rows/index.ts";
import type { RowResult } from "./results.ts";

const root = join(import.meta.dirname, "../..");
const folder = join(root, "docs/benchmarks");
const file = join(folder, "results.json");
const readme = join(root, "README.md");

/** Adds results to docs/benchmarks/results.json, in place of earlier ones of the same rows, and writes the pages again. */
export async function writeResults(results: readonly RowResult[]): Promise<void> {
  const earlier = await readResults();
  const latest = rows.flatMap(({ name }) => [...results, ...earlier].find((result) => result.name === name) ?? []);
  await writeFile(file, `${JSON.stringify(latest, undefined, 1)}\n`);
  await writePages();
}

/** Writes the result page, its plots, and the lines in README.md, from docs/benchmarks/results.json. */
export async function writePages(): Promise<void> {
  const results = await readResults();
  for (const [name, content] of Object.entries(createPage(rows, results))) await writeFile(join(folder, name), content);
  const text = await readFile(readme, "utf8");
  await writeFile(readme, replaceFigures(text, rows, results));
}

async function readResults(): Promise<RowResult[]> {
  return JSON.parse(await readFile(file, "utf8")) as RowResult[];
}
