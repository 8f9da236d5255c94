export interface CoalescerOptions {
  /** Processes all items together. */
  run: (items: string[]) => Promise<void>;
  maxItems: number;
  maxInFlight: number;
}

export interface Coalescer {
  /** Resolves or rejects with the run that includes the item. */
  submit(item: string): Promise<void>;
}

interface Waiting {
  item: string;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Collects items while all runs are busy, so that a busier process makes larger runs. */
export function createCoalescer({ run, maxItems, maxInFlight }: CoalescerOptions): Coalescer {
  const waiting: Waiting[] = [];
  let inFlight = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      while (waiting.length > 0 && inFlight < maxInFlight) void start(waiting.splice(0, maxItems));
    });
  }

  async function start(members: Waiting[]): Promise<void> {
    inFlight++;
    try {
      await run(members.map(({ item }) => item));
      for (const { resolve } of members) resolve();
    } catch (error) {
      for (const { reject } of members) reject(error);
    } finally {
      inFlight--;
      schedule();
    }
  }

  return {
    submit: (item) =>
      new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        schedule();
      }),
  };
}
