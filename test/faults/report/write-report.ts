import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toHtml } from "./html.ts";
import { toMarkdown } from "./markdown.ts";
import { summarise } from "./summary.ts";
import { drawTimeline } from "./timeline.ts";
import type { Fault } from "../scene.ts";
import type { Judged } from "./read-verdicts.ts";

/** Writes report.md, report.html and one timeline per fault into the folder. */
export async function writeReport(folder: string, faults: readonly Fault[], judged: readonly Judged[]): Promise<void> {
  const rows = summarise(faults, judged);
  const timelines = join(folder, "timelines");
  await mkdir(timelines, { recursive: true });
  for (const { fault, shown } of rows) await writeFile(join(timelines, `${fault.name}.svg`), drawTimeline(shown));
  await writeFile(join(folder, "report.md"), toMarkdown(rows));
  await writeFile(join(folder, "report.html"), toHtml(rows));
}
