/**
 * A wake-up that nobody waits for: while one is on its way, another call makes one more follow it, however many calls there
 * are. It says for whom it is, as W3C traceparents: those of the calls since the last one, of many the first. One that fails is
 * forgotten; whatever it would have woken also looks by itself.
 */
export function createWakeUp(wake: (causes: readonly string[]) => Promise<void>): (causes?: readonly string[]) => void {
  const mostCauses = 64;
  const waiting = new Set<string>();
  let underWay = false;
  let again = false;
  const start = (): void => {
    underWay = true;
    const causes = [...waiting];
    waiting.clear();
    void wake(causes)
      .catch(() => undefined)
      .finally(() => {
        underWay = false;
        if (!again) return;
        again = false;
        start();
      });
  };
  return (causes = []) => {
    for (const cause of causes) if (waiting.size < mostCauses) waiting.add(cause);
    if (underWay) again = true;
    else start();
  };
}
