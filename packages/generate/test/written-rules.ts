import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ruleFiles, type RuleGroup } from "../src/rules.ts";

/** Writes the rules of an installation called `fullname` into a new folder, and applies `change` to each group. */
export async function writeRules(
  fullname = "confab",
  change: (group: RuleGroup) => RuleGroup = (group) => group,
): Promise<{ folder: string; files: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), "confab-rules-"));
  const files: string[] = [];
  for (const [name, { groups }] of Object.entries(ruleFiles(fullname))) {
    const file = join(folder, `${name}.yaml`);
    // JSON is valid YAML.
    await writeFile(file, JSON.stringify({ groups: groups.map(change) }));
    files.push(file);
  }
  return { folder, files };
}
