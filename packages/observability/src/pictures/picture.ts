import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DashboardPlan } from "../panel.ts";
import { ask } from "./ask.ts";
import { page } from "./draw.ts";

const run = promisify(execFile);
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"];
const width = 1200;

export interface PictureOptions {
  readonly prometheus: string;
  readonly minutes: number;
  /** The PNG to write. */
  readonly file: string;
  readonly browser?: string;
}

/** Draws the last minutes of a dashboard, from its top to its end. */
export async function drawPicture(
  plan: DashboardPlan,
  { prometheus, minutes, file, browser = "chromium" }: PictureOptions,
): Promise<void> {
  const to = Date.now() / 1000;
  const range = { from: to - minutes * 60, to, step: Math.max(1, Math.round(minutes / 3)) };
  const rows = [];
  for (const { title, panels } of plan.rows) {
    const drawn = [];
    for (const panel of panels) {
      const lines = await Promise.all(panel.queries.map((query) => ask(prometheus, query, range)));
      drawn.push({ panel, lines: lines.flat() });
    }
    rows.push({ title, drawn });
  }
  const scratch = mkdtempSync(join(tmpdir(), "confab-picture-"));
  try {
    const html = join(scratch, "page.html");
    writeFileSync(html, page(plan, rows, range));
    const look = (...more: string[]) => run(browser, [...flags, ...more, `file://${html}`]);
    const { stdout } = await look(`--window-size=${width},100`, "--dump-dom");
    const height = /<title>(\d+)<\/title>/.exec(stdout)?.[1];
    if (height === undefined) throw new Error(`${browser} does not tell how high the page is`);
    await look(`--window-size=${width},${height}`, `--screenshot=${file}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
