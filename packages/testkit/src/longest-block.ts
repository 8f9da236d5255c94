/**
 * Returns the longest time in milliseconds for which the work blocked the event loop of this thread. It measures CPU
 * time and takes the best of several runs, so that other work on the machine does not count.
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
  const measureTurn = (): void => {
    const now = process.threadCpuUsage();
    longest = Math.max(longest, now.user + now.system - last.user - last.system);
    last = now;
  };
  const turn = (): void => {
    measureTurn();
    if (isWorking) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    await work();
  } finally {
    isWorking = false;
  }
  measureTurn();
  return longest / 1_000;
}
