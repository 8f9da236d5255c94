/** Remembers up to `maximum` names for `ms` milliseconds each. The oldest names are forgotten first. */
export function createRecent(maximum: number, ms: number, now: () => number = () => performance.now()) {
  const until = new Map<string, number>();
  return {
    has: (name: string): boolean => (until.get(name) ?? 0) > now(),
    add(name: string): void {
      until.delete(name);
      until.set(name, now() + ms);
      if (until.size <= maximum) return;
      for (const oldest of until.keys()) {
        until.delete(oldest);
        return;
      }
    },
  };
}
