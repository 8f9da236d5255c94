/**
 * Whether a store's setting keeps a promise. `at-risk`: the store may lose data or stop serving. `refused`: it would
 * lose acknowledged messages. `unknown`: this user may not read the setting.
 */
export type Verdict = "kept" | "at-risk" | "refused" | "unknown";

/** A promise, the store's setting on which it depends, and the value that was found. */
export interface StoreSetting {
  readonly store: string;
  /** The server's address as `host:port`. Set only if the servers of a store differ. */
  readonly server?: string;
  readonly promise: string;
  /** The required setting, in the form in which an operator writes it. */
  readonly setting: string;
  readonly found: string;
  readonly verdict: Verdict;
  /** Advice for the operator. Undefined if the promise is kept. */
  readonly advice?: string;
}

/** The value that was found for a setting, and the verdict on it. */
export interface JudgedSetting {
  readonly found: string;
  readonly verdict: Verdict;
  /** Advice that replaces the rule's advice. */
  readonly advice?: string;
}

/** A promise, the setting on which it depends, and a function that judges what was read from the store. */
export interface SettingRule<Read> {
  readonly promise: string;
  readonly setting: string;
  readonly advice: string;
  readonly judge: (read: Read) => JudgedSetting;
}

/** The result for a setting that this user may not read. */
export const notShown: JudgedSetting = { found: "not shown", verdict: "unknown" };

/** Applies a rule to what was read from a store. */
export function judgeSetting<Read>(store: string, rule: SettingRule<Read>, read: Read): StoreSetting {
  const { promise, setting } = rule;
  const { found, verdict, advice = rule.advice } = rule.judge(read);
  return { store, promise, setting, found, verdict, ...(verdict !== "kept" && { advice }) };
}

/**
 * With the store's settings, acknowledged messages would be lost. The refused call did nothing. Further calls are
 * refused until the settings are changed.
 */
export class SettingsRefused extends Error {
  override readonly name = "SettingsRefused";
}

/** Describes a setting: what is required, what was found, and what to do. */
export function describeSetting({ store, server, setting, found, advice = "" }: StoreSetting): string {
  const where = server === undefined ? store : `${store} ${server}`;
  return `${where}: ${setting} is needed (found: ${found}). ${advice}`.trimEnd();
}
