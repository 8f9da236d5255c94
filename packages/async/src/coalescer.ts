export interface CoalescerOptions {
  /**
   * Processes items together. It may pass some of them to `leave`: the next run begins with those, and `leave` returns
   * the others. No other run begins before this one has called `leave` or ended, so items are processed almost in the
   * order in which they were submitted.
   */
  readonly run: (items: readonly string[], leave: Leave) => Promise<void>;
  readonly maxItems: number;
  readonly maxInFlight: number;
}

export type Leave = (rest: readonly string[]) => readonly string[];

export interface Coalescer {
  /** Submits an item. Settles like the run that processes it. */
  submit(item: string): Promise<void>;
}

interface Waiting {
  readonly item: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Collects items while the maximum number of runs is in flight, so that runs get larger under load. */
export function createCoalescer({ run, maxItems, maxInFlight }: CoalescerOptions): Coalescer {
  const waiting: Waiting[] = [];
  let inFlight = 0;
  let choosing: symbol | undefined;
  let scheduled = false;

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (waiting.length > 0 && inFlight < maxInFlight && choosing === undefined) void start();
    });
  }

  async function start(): Promise<void> {
    let members = waiting.splice(0, maxItems);
    const self = (choosing = Symbol("run"));
    const chosen = (): void => {
      if (choosing === self) choosing = undefined;
      schedule();
    };
    const leave: Leave = (rest) => {
      const left = new Set(rest);
      waiting.unshift(...members.filter(({ item }) => left.has(item)));
      members = members.filter(({ item }) => !left.has(item));
      chosen();
      return itemsOf(members);
    };
    inFlight++;
    try {
      await run(itemsOf(members), leave);
      for (const { resolve } of members) resolve();
    } catch (error) {
      for (const { reject } of members) reject(error);
    } finally {
      inFlight--;
      chosen();
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

const itemsOf = (members: readonly Waiting[]): string[] => members.map(({ item }) => item);
