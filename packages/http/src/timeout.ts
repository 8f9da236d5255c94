/** What the work gives, or after `ms` milliseconds a rejection with what `late` makes; the work itself goes on. */
export async function withTimeout<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(late());
    }, ms);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** The same repository, each of whose calls rejects after `ms` milliseconds: a silent store must not keep a request. */
export function withMethodTimeouts<T extends object>(repository: T, ms: number, late: () => Error): T {
  const methods = Object.entries(repository as Record<string, (...args: unknown[]) => Promise<unknown>>);
  return Object.fromEntries(
    methods.map(([name, method]) => [name, (...args: unknown[]) => withTimeout(method(...args), ms, late)]),
  ) as T;
}
