/** Wakes one waiting loop; a ring before the wait ends the next wait at once. */
export function createBell() {
  let hasRung = false;
  let wake: (() => void) | undefined;
  return {
    reset: () => {
      hasRung = false;
    },
    ring: () => {
      hasRung = true;
      wake?.();
    },
    async rung(withinMs?: number): Promise<void> {
      if (hasRung) return;
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const timer = withinMs === undefined ? undefined : setTimeout(resolve, withinMs, undefined);
      wake = () => {
        resolve(undefined);
      };
      await promise;
      clearTimeout(timer);
      wake = undefined;
    },
  };
}

/** Give or take a fifth, so that what began together does not act together for ever. */
export function jittered(ms: number): number {
  return ms * (0.8 + 0.4 * Math.random());
}
