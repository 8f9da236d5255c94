/** Resolves as `work` does, or rejects after `ms` milliseconds with what `late` returns; the work itself goes on. */
export async function withTimeout<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(late());
  }, ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The same repository with a timeout of `ms` milliseconds on each of its calls: a silent store must not keep a request. */
export function withMethodTimeouts<T extends object>(repository: T, ms: number, late: () => Error): T {
  const methods = Object.entries(repository as Record<string, (...args: unknown[]) => Promise<unknown>>);
  return Object.fromEntries(
    methods.map(([name, method]) => [name, (...args: unknown[]) => withTimeout(method(...args), ms, late)]),
  ) as T;
}
