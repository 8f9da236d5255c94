import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dashboards } from "../dashboards.ts";
import { ask } from "./ask.ts";
import { page } from "./draw.ts";

const usage = "npm run pictures -- PROMETHEUS-URL MINUTES [CHROMIUM]: draws the last minutes";
const [prometheus, minutes, browser = "chromium"] = process.argv.slice(2);
if (prometheus === undefined || !(Number(minutes) > 0)) throw new TypeError(usage);

const folder = join(import.meta.dirname, "../../../../docs/pictures");
const scratch = mkdtempSync(join(tmpdir(), "confab-pictures-"));
const to = Date.now() / 1000;
const range = { from: to - Number(minutes) * 60, to, step: Math.max(1, Math.round(Number(minutes) / 3)) };
mkdirSync(folder, { recursive: true });
for (const plan of dashboards) {
  const rows = [];
  for (const { title, panels } of plan.rows) {
    const drawn = [];
    for (const panel of panels) {
      const lines = await Promise.all(panel.queries.map((query) => ask(prometheus, query, range)));
      drawn.push({ panel, lines: lines.flat() });
    }
    rows.push({ title, drawn });
  }
  const html = join(scratch, `${plan.uid}.html`);
  writeFileSync(html, page(plan, rows));
  const size = `1200,${90 + plan.rows.length * 240}`;
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"];
  const picture = join(folder, `${plan.uid}.png`);
  execFileSync(browser, [...flags, `--window-size=${size}`, `--screenshot=${picture}`, `file://${html}`], {
    stdio: "ignore",
  });
}
rmSync(scratch, { recursive: true, force: true });
