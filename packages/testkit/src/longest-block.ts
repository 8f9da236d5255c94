/**
 * The longest time in milliseconds for which this thread computed without giving the event loop a turn while work was
 * done, in the best of several runs: what else the machine does must not count.
 */
export async function longestBlock(work: () => Promise<unknown>, runs = 3): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < runs; run += 1) best = Math.min(best, await measure(work));
  return best;
}

async function measure(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = process.threadCpuUsage();
  let isWorking = true;
  const look = (): void => {
    const now = process.threadCpuUsage();
    longest = Math.max(longest, now.user + now.system - last.user - last.system);
    last = now;
  };
  const turn = (): void => {
    look();
    if (isWorking) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    await work();
  } finally {
    isWorking = false;
  }
  look();
  return longest / 1_000;
}
