/**
 * Limits the number and the total size of things that are held at once. Callers wait in order while the budget is full.
 */
export interface Budget {
  /** Resolves once there is room. Something larger than the whole budget is admitted when nothing else is held. */
  acquire(size: number): Promise<void>;
  release(size: number): void;
  isUnused(): boolean;
}

/** Creates a budget. Once `signal` is aborted, callers no longer wait. */
export function createBudget({ count, size, signal }: { count: number; size: number; signal: AbortSignal }): Budget {
  let [held, used] = [0, 0];
  const waiting: { wanted: number; admit: () => void }[] = [];
  const fits = (wanted: number): boolean => held === 0 || (held < count && used + wanted <= size);
  const admit = (wanted: number): void => {
    held += 1;
    used += wanted;
  };
  const admitWaiting = (): void => {
    while (waiting.length > 0 && (signal.aborted || fits(waiting[0]!.wanted))) waiting.shift()!.admit();
  };
  signal.addEventListener("abort", admitWaiting);
  return {
    async acquire(wanted) {
      if (signal.aborted || (waiting.length === 0 && fits(wanted))) {
        admit(wanted);
        return;
      }
      const { promise, resolve } = Promise.withResolvers<undefined>();
      waiting.push({
        wanted,
        admit: () => {
          admit(wanted);
          resolve(undefined);
        },
      });
      await promise;
    },
    release(wanted) {
      held -= 1;
      used -= wanted;
      admitWaiting();
    },
    isUnused: () => held === 0 && waiting.length === 0,
  };
}
