/**
 * Whether a promise holds on a store as it is set: `at-risk` may lose something or stop serving, `refused` would lose what was
 * acknowledged, `unknown` where the store does not tell.
 */
export type Verdict = "kept" | "at-risk" | "refused" | "unknown";

/** What Confab promises, the setting of a store that it depends on, and what was found there. */
export interface StoreSetting {
  readonly store: string;
  /** host:port, where the servers of a store differ. */
  readonly server?: string;
  readonly promise: string;
  /** As an operator writes it. */
  readonly setting: string;
  readonly found: string;
  readonly verdict: Verdict;
  /** What to do, unless the promise is kept. */
  readonly advice?: string;
}

/** How a setting was found. */
export interface JudgedSetting {
  readonly found: string;
  readonly verdict: Verdict;
  /** Instead of the rule's. */
  readonly advice?: string;
}

/** A promise, the setting that it depends on, and how to judge it by what was read from the store. */
export interface SettingRule<Read> {
  readonly promise: string;
  readonly setting: string;
  readonly advice: string;
  readonly judge: (read: Read) => JudgedSetting;
}

/** For what this user may not read. */
export const notShown: JudgedSetting = { found: "not shown", verdict: "unknown" };

/** Applies a rule to what was read from a store. */
export function judgeSetting<Read>(store: string, rule: SettingRule<Read>, read: Read): StoreSetting {
  const { promise, setting } = rule;
  const { found, verdict, advice = rule.advice } = rule.judge(read);
  return { store, promise, setting, found, verdict, ...(verdict !== "kept" && { advice }) };
}

/** A store is set so that it would lose what it takes: nothing was done, and nothing will be until that is changed. */
export class SettingsRefused extends Error {
  override readonly name = "SettingsRefused";
}

/** What is needed and what was found, in one sentence, then what to do. */
export function describeSetting({ store, server, setting, found, advice = "" }: StoreSetting): string {
  const where = server === undefined ? store : `${store} ${server}`;
  return `${where}: ${setting} is needed (found: ${found}). ${advice}`.trimEnd();
}
