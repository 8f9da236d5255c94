/**
 * The longest time in milliseconds for which the event loop had no turn while work was done, in the best of several
 * runs: what else the machine does must not count.
 */
export async function longestBlock(work: () => Promise<unknown>, runs = 3): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < runs; run += 1) best = Math.min(best, await measure(work));
  return best;
}

async function measure(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  let isWorking = true;
  const turn = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (isWorking) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    await work();
  } finally {
    isWorking = false;
  }
  return Math.max(longest, performance.now() - last);
}
