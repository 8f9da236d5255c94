/** Settles like `work`, or rejects with the error from `late` after `ms` milliseconds. The work itself continues. */
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

/** An object whose properties are all functions that return promises. */
export type Repository<T> = { [K in keyof T]: (...args: never[]) => Promise<unknown> };

/**
 * Returns the repository with a timeout of `ms` milliseconds on each call, so that a silent store does not hold up a
 * request.
 */
export function withMethodTimeouts<T extends Repository<T>>(repository: T, ms: number, late: () => Error): T {
  const timed = Object.entries(repository).map(([name, method]: [string, unknown]) => {
    const call = method as (...args: unknown[]) => Promise<unknown>;
    return [name, (...args: unknown[]) => withTimeout(call(...args), ms, late)];
  });
  return Object.fromEntries(timed) as T;
}
