import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "./logger.ts";
import { withTimeout } from "@confab/async";
import { describeSetting, SettingsRefused, type StoreSetting } from "./store-setting.ts";

export interface WatchedStore {
  /** Reads the store's settings. Rejects if the store does not answer. */
  readonly read: () => Promise<readonly StoreSetting[]>;
  /**
   * `needed`: the process is not ready until the settings are known, and refuses all work while one is refused.
   * `heeded`: the process only refuses all work while one is refused. `shown`: the settings are only logged.
   */
  readonly weight: "needed" | "heeded" | "shown";
}

export interface StoreSettings {
  /**
   * Checks readiness. Reads settings that are older than `intervalMs` again, and rejects while the process must not
   * accept or store anything.
   */
  readonly check: () => Promise<void>;
  /** Returns whether the settings are known and none is refused. */
  readonly areSafe: () => boolean;
  /**
   * Rejects with SettingsRefused while a setting is refused. Waits only for the first read, and only for a short time.
   */
  readonly assertSafe: () => Promise<void>;
  /**
   * Resolves as soon as `assertSafe` would resolve, however long that takes. `check` must be called regularly in the
   * meantime.
   */
  readonly whenSafe: () => Promise<void>;
  /** The names of the watched stores. */
  readonly stores: readonly string[];
  /**
   * Returns how many settings of a store are at risk or refused, or undefined if they were not read during the last
   * three intervals.
   */
  readonly atRisk: (store: string) => number | undefined;
}

export interface StoreSettingsOptions {
  readonly stores: Readonly<Record<string, WatchedStore>>;
  readonly logger: Pick<Logger, "info" | "warn" | "error">;
  /** Maximum age in ms of the known settings. */
  readonly intervalMs?: number;
  /** Maximum time in ms for one read. If a connection breaks, a command may never be answered. */
  readonly readingMs?: number;
}

/** Maximum time in ms to wait for the first read. It is shorter than a health check's timeout. */
const firstReadingMs = 500;
const againMs = 1_000;
const levels = { "at-risk": "warn", refused: "error", unknown: "info" } as const;

/** Watches the settings of stores. Logs those that Confab cannot rely on, on startup and whenever they change. */
export function createStoreSettings({ stores, logger, ...times }: StoreSettingsOptions): StoreSettings {
  const { intervalMs = 5_000, readingMs = 5_000 } = times;
  const common = { logger, intervalMs, readingMs };
  const watches = Object.entries(stores).map(([name, store]) => createWatch(name, store, common));

  const areSafe = (): boolean => watches.every((watch) => !watch.isMissing() && watch.refused().length === 0);

  async function assertSafe(): Promise<void> {
    const missing = watches.filter((watch) => watch.isMissing());
    if (missing.length > 0) await Promise.all(missing.map((watch) => watch.firstReading()));
    const refused = watches.flatMap((watch) => watch.refused());
    if (refused.length > 0) throw new SettingsRefused(refused.map(describeSetting).join(" "));
  }

  async function check(): Promise<void> {
    for (const watch of watches) watch.refresh();
    await assertSafe();
    const missing = watches.filter((watch) => watch.isMissing()).map(({ store }) => store);
    if (missing.length > 0) throw new Error(`the settings of ${missing.join(" and ")} are not known yet`);
  }

  return {
    check,
    areSafe,
    assertSafe,
    async whenSafe() {
      const isRefused = (): Promise<boolean> =>
        assertSafe().then(
          () => false,
          () => true,
        );
      while (await isRefused()) await pause(againMs);
    },
    stores: Object.keys(stores),
    atRisk: (store) => watches.find((watch) => watch.store === store)?.atRisk(),
  };
}

function createWatch(
  store: string,
  { read, weight }: WatchedStore,
  { logger, intervalMs, readingMs }: Required<Omit<StoreSettingsOptions, "stores">>,
) {
  let known = false;
  let refused: readonly StoreSetting[] = [];
  let amissCount = 0;
  let readAt = -Infinity;
  let reading: Promise<void> | undefined;
  let logged: string | undefined;

  async function readAgain(): Promise<void> {
    try {
      const settings = await withTimeout(read(), readingMs, () => new Error(`${store} does not answer`));
      known = true;
      readAt = performance.now();
      amissCount = settings.filter(({ verdict }) => verdict === "at-risk" || verdict === "refused").length;
      if (weight !== "shown") refused = settings.filter(({ verdict }) => verdict === "refused");
      log(settings);
    } catch {
      // The store's own check reports why it does not answer. The settings that were found before still count.
    } finally {
      reading = undefined;
    }
  }

  function log(found: readonly StoreSetting[]): void {
    const amiss = found.filter(({ verdict }) => verdict !== "kept");
    const text = JSON.stringify(amiss);
    if (text === logged) return;
    logged = text;
    if (amiss.length === 0)
      logger.info({ store, settings: found.length }, "all required settings of the store are in place");
    for (const setting of amiss) {
      if (setting.verdict !== "kept") logger[levels[setting.verdict]](setting, describeSetting(setting));
    }
  }

  return {
    store,
    refresh(): void {
      if (performance.now() - readAt >= intervalMs) reading ??= readAgain();
    },
    async firstReading(): Promise<void> {
      reading ??= readAgain();
      await Promise.race([reading, pause(firstReadingMs, undefined, { ref: false })]);
    },
    isMissing: () => weight === "needed" && !known,
    refused: () => refused,
    atRisk: () => (performance.now() - readAt <= 3 * intervalMs ? amissCount : undefined),
  };
}

/** Returns a copy of the object whose named calls reject with SettingsRefused while a setting is refused. */
export function unlessRefused<T extends object>(
  calls: T,
  names: readonly (keyof T)[],
  { areSafe, assertSafe }: Pick<StoreSettings, "areSafe" | "assertSafe">,
): T {
  const guarded = names.map((name) => {
    const call = calls[name] as (...args: unknown[]) => Promise<unknown>;
    const guard = (...args: unknown[]): Promise<unknown> =>
      areSafe() ? call(...args) : assertSafe().then(() => call(...args));
    return [name, guard];
  });
  return { ...calls, ...Object.fromEntries(guarded) } as T;
}
