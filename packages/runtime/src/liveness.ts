export interface Liveness {
  /** Returns whether the process works, or otherwise the reasons for a restart. */
  state(): { readonly ok: boolean; readonly reasons: readonly string[] };
  /** Reports that the process needs a restart, until `recover` is called with the same name. */
  fail(name: string, reason: string): void;
  recover(name: string): void;
}

/** Collects faults that only a restart of the process can fix. An unavailable store never counts as such a fault. */
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
