/** Wakes one waiting loop. If it is set before the loop waits, the next wait ends at once. */
export function createWakeSignal() {
  let isSet = false;
  let wake: (() => void) | undefined;
  return {
    clear: () => {
      isSet = false;
    },
    set: () => {
      isSet = true;
      wake?.();
    },
    async wait(withinMs?: number): Promise<void> {
      if (isSet) return;
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

/** Returns a duration, give or take a fifth, so that what began together does not act together for ever. */
export function jittered(ms: number): number {
  return ms * (0.8 + 0.4 * Math.random());
}
