import { withTimeout } from "@confab/async";
export type HealthCheck = () => Promise<unknown>;

export interface CheckResult {
  readonly ok: boolean;
  readonly critical: boolean;
  readonly ms: number;
  readonly error?: string;
}

export interface Readiness {
  /** Whether the process may receive requests. With `staysReady`, it can be true while a check fails. */
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

export interface Health {
  /** Returns the last known state, without querying a store. */
  ready(): Readiness;
  /** Runs all checks now, and resolves when each one has a result. */
  refresh(): Promise<void>;
  stop(): void;
}

export interface HealthOptions {
  /** Checks that must pass for the process to be ready. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** Checks that are only reported. */
  readonly optionalChecks?: Readonly<Record<string, HealthCheck>>;
  /**
   * Whether to stay ready once all critical checks have passed at the same time. For services that answer requests: if
   * a store is unavailable, all replicas would otherwise leave the Kubernetes Service at once, and clients would get a
   * bare 503 from the reverse proxy instead of a problem.
   */
  readonly staysReady?: boolean;
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
}

/**
 * Runs checks in the background, so that probes cost the stores nothing. The process is not ready before the first
 * round is complete. A check that hangs counts as failed after `timeoutMs`, and is not started again until it settles.
 */
export function createHealth({
  checks,
  optionalChecks = {},
  staysReady = false,
  intervalMs = 1_000,
  timeoutMs = 900,
}: HealthOptions): Health {
  const probes = [
    ...Object.entries(checks).map(([name, check]) => createProbe(name, check, true, timeoutMs)),
    ...Object.entries(optionalChecks).map(([name, check]) => createProbe(name, check, false, timeoutMs)),
  ];
  let stopped = false;
  let wasReady = false;
  let timer: NodeJS.Timeout | undefined;

  async function refresh(): Promise<void> {
    await Promise.all(probes.map((probe) => probe.run()));
    ready();
  }

  function ready(): Readiness {
    const results = Object.fromEntries(probes.map((probe) => [probe.name, probe.result()]));
    const passes = Object.values(results).every((result) => result.ok || !result.critical);
    wasReady ||= passes;
    return { ok: passes || (staysReady && wasReady), checks: results };
  }

  async function round(): Promise<void> {
    await refresh();
    if (!stopped) timer = setTimeout(() => void round(), intervalMs).unref();
  }
  void round();

  return {
    ready,
    refresh,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

function createProbe(name: string, check: HealthCheck, critical: boolean, timeoutMs: number) {
  let result: CheckResult = { ok: false, critical, ms: 0, error: "not checked yet" };
  let running: Promise<void> | undefined;

  async function attempt(): Promise<void> {
    const began = performance.now();
    try {
      await check();
      result = { ok: true, critical, ms: since(began) };
    } catch (error) {
      result = { ok: false, critical, ms: since(began), error: error instanceof Error ? error.message : String(error) };
    } finally {
      running = undefined;
    }
  }

  async function run(): Promise<void> {
    running ??= attempt();
    await withTimeout(running, timeoutMs, () => new Error(`no answer within ${timeoutMs} ms`)).catch(
      (error: unknown) => {
        result = { ok: false, critical, ms: timeoutMs, error: (error as Error).message };
      },
    );
  }

  return { name, run, result: () => result };
}

function since(began: number): number {
  return Math.round(performance.now() - began);
}
