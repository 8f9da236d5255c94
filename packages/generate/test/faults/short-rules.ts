import type { RuleGroup } from "../../src/rules.ts";
import { writeRules } from "../written-rules.ts";

const seconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/**
 * Factor by which windows and `for` are shortened: an hour becomes a minute, and a minute a second. Thresholds stay the
 * same.
 */
export const factor = 60;

/** Writes the chart's rules with shorter windows into a new folder. */
export async function writeShortRules(): Promise<string> {
  const { folder } = await writeRules("confab", shortGroup);
  return folder;
}

function shortGroup(group: RuleGroup): RuleGroup {
  const rules = group.rules.map((rule) => ({
    ...rule,
    expr: shorten(rule.expr),
    ...(rule.for !== undefined && { for: shortened(rule.for) }),
  }));
  return { ...group, rules };
}

/** Shortens windows, steps and offsets. The window in the name of a recorded series stays. */
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
  if (count === undefined) throw new Error(`${time} is no duration`);
  return `${Math.ceil((Number(count) * seconds[unit as keyof typeof seconds]) / factor)}s`;
}
