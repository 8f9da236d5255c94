import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ruleFiles } from "../../src/rules.ts";

const seconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** By how much an alert's windows and patience are shortened: an hour becomes a minute, a minute a second. Thresholds stay. */
export const factor = 60;

/** The chart's rules with shorter windows, in a folder of their own. */
export async function writeShortRules(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "confab-short-rules-"));
  for (const [name, { groups }] of Object.entries(ruleFiles())) {
    const short = groups.map((group) => ({
      ...group,
      rules: (group.rules as readonly { expr: string; for?: string }[]).map((rule) => ({
        ...rule,
        expr: shorten(rule.expr),
        ...(rule.for !== undefined && { for: shortened(rule.for) }),
      })),
    }));
    // YAML takes JSON.
    await writeFile(join(folder, `${name}.yaml`), JSON.stringify({ groups: short }));
  }
  return folder;
}

/** Windows, steps and offsets; a time in a recorded series' name is none. */
export function shorten(expr: string): string {
  return expr
    .replaceAll(
      /\[(\d+[smhd](?::\d+[smhd])?)\]/g,
      (_, window: string) => `[${window.split(":").map(shortened).join(":")}]`,
    )
    .replaceAll(/\boffset (\w+)/g, (_, time: string) => `offset ${shortened(time)}`);
}

function shortened(time: string): string {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(time) ?? [];
  if (count === undefined) throw new Error(`${time} is no time`);
  return `${Math.ceil((Number(count) * seconds[unit as keyof typeof seconds]) / factor)}s`;
}
