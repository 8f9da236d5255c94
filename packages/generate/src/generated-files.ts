import { join } from "node:path";
import { format } from "prettier";
import { stringify } from "yaml";
import { dashboards } from "./dashboards.ts";
import { toGrafana } from "./grafana.ts";
import { ruleFiles } from "./rules.ts";

export const chartFolder = join(import.meta.dirname, "../../../charts/confab");

const style = { printWidth: 120 };
const note = "# Made by `make generate` from packages/generate: change it there.\n";

/** Returns the chart's rules and dashboards, by their paths in the chart. */
export async function generatedFiles(): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const plan of dashboards) {
    files[`dashboards/${plan.uid}.json`] = await format(JSON.stringify(toGrafana(plan)), { parser: "json", ...style });
  }
  for (const [name, content] of Object.entries(ruleFiles())) {
    files[`rules/${name}.yaml`] = await format(note + stringify(content), { parser: "yaml", ...style });
  }
  return files;
}
