export interface Liveness {
  /** Whether a restart would not help; else what it should help against. */
  state(): { readonly ok: boolean; readonly reasons: readonly string[] };
  /** Asks for a restart of the process until `recover` is called with the same name. */
  fail(name: string, reason: string): void;
  recover(name: string): void;
}

/** What parts of a process say of themselves that only a restart can fix; stores that are unavailable are never among it. */
export function createLiveness(): Liveness {
  const failures = new Map<string, string>();
  return {
    state: () => ({ ok: failures.size === 0, reasons: [...failures.values()] }),
    fail: (name, reason) => {
      failures.set(name, reason);
    },
    recover: (name) => {
      failures.delete(name);
    },
  };
}
