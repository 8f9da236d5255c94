/**
 * A wake-up that nobody waits for: while one is on its way, another call makes one more follow it, however many calls there
 * are. One that fails is forgotten; whatever it would have woken also looks by itself.
 */
export function createWakeUp(wake: () => Promise<void>): () => void {
  let underWay = false;
  let again = false;
  const start = (): void => {
    underWay = true;
    void wake()
      .catch(() => undefined)
      .finally(() => {
        underWay = false;
        if (!again) return;
        again = false;
        start();
      });
  };
  return () => {
    if (underWay) again = true;
    else start();
  };
}
