/**
 * Creates a function that sends wake-ups in the background. Calls during a wake-up are combined into one that follows
 * it. Each wake-up carries the traceparents of the calls that it combines (at most 64). A failed wake-up is dropped,
 * because the indexer also polls.
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
