/**
 * Creates a function that counts a line and returns whether fewer than `perSecond` lines came before it in the same
 * second.
 */
export function createLineBudget(perSecond: number): (nowMs: number) => boolean {
  let second = Number.NaN;
  let left = 0;
  return (nowMs) => {
    const now = Math.floor(nowMs / 1_000);
    if (now !== second) {
      second = now;
      left = perSecond;
    }
    left -= 1;
    return left >= 0;
  };
}
