import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { dashboards } from "../dashboards.ts";
import { drawPicture } from "./picture.ts";

const usage = "npm run pictures -- PROMETHEUS-URL MINUTES [CHROMIUM]: draws the last minutes";
const [prometheus, minutes, browser = "chromium"] = process.argv.slice(2);
if (prometheus === undefined || !(Number(minutes) > 0)) throw new TypeError(usage);

const folder = join(import.meta.dirname, "../../../../docs/pictures");
mkdirSync(folder, { recursive: true });
for (const plan of dashboards) {
  await drawPicture(plan, { prometheus, minutes: Number(minutes), browser, file: join(folder, `${plan.uid}.png`) });
}
