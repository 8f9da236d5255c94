import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toMarkdown } from "./markdown.ts";
import { summarise } from "./summary.ts";
import type { Fault } from "../scene.ts";
import type { Judged } from "./read-verdicts.ts";

/** Writes report.md into the folder. */
export async function writeReport(folder: string, faults: readonly Fault[], judged: readonly Judged[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "report.md"), toMarkdown(summarise(faults, judged)));
}
