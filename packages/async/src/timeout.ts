/** Resolves as `work` does, or rejects after `ms` milliseconds with what `late` returns; the work itself continues. */
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

/** An object of functions that return promises. */
export type Repository<T> = { [K in keyof T]: (...args: never[]) => Promise<unknown> };

/**
 * Returns the same repository with a timeout of `ms` milliseconds on each of its calls: a silent store must not keep a
 * request.
 */
export function withMethodTimeouts<T extends Repository<T>>(repository: T, ms: number, late: () => Error): T {
  const timed = Object.entries(repository).map(([name, method]: [string, unknown]) => {
    const call = method as (...args: unknown[]) => Promise<unknown>;
    return [name, (...args: unknown[]) => withTimeout(call(...args), ms, late)];
  });
  return Object.fromEntries(timed) as T;
}
