/**
 * Whether the store's settings keep a promise. `at-risk`: the store may lose data or stop serving. `refused`: it would lose
 * acknowledged messages. `unknown`: this user may not read the setting.
 */
export type Verdict = "kept" | "at-risk" | "refused" | "unknown";

/** A promise, the store's setting that it depends on, and the value that was found. */
export interface StoreSetting {
  readonly store: string;
  /** host:port, if the servers of a store differ. */
  readonly server?: string;
  readonly promise: string;
  /** In the form in which an operator writes it. */
  readonly setting: string;
  readonly found: string;
  readonly verdict: Verdict;
  /** Advice for the operator; absent if the promise is kept. */
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

/** The store's settings would lose acknowledged messages. Nothing was done, and nothing will be until they are changed. */
export class SettingsRefused extends Error {
  override readonly name = "SettingsRefused";
}

/** Describes a setting in one sentence: what is required and what was found, then what to do. */
export function describeSetting({ store, server, setting, found, advice = "" }: StoreSetting): string {
  const where = server === undefined ? store : `${store} ${server}`;
  return `${where}: ${setting} is needed (found: ${found}). ${advice}`.trimEnd();
}
