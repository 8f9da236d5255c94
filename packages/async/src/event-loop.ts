/** The maximum time that divisible work may hold the event loop in one turn. */
const sliceMs = 5;

/** The work that waits for a later turn, by owner. The first owner has the next turn. */
const waiting = new Map<string, (() => void)[]>();
/** How many turns in a row may do no divisible work. */
const maxPutOff = 3;
let isHurrying = false;
let putOff = 0;

/** When the first divisible work of this turn began. There is one event loop per process, and so one value. */
let began: number | undefined;

/**
 * Returns whether divisible work may continue in this turn of the event loop. All divisible work shares five
 * milliseconds per turn.
 */
export function hasTime(): boolean {
  const now = performance.now();
  if (began !== undefined) return now - began < sliceMs;
  began = now;
  setImmediate(() => void turn());
  return true;
}

/**
 * Gives way to other work in loops whose length a client controls. Returns undefined while this turn has time left,
 * else a promise for a later turn. Await it between two pieces of work, so that the rest of the process can run. Where
 * many wait for the same promise, await it only if there is one, directly before the work: others pass while anything
 * else is awaited. Owners, such as applications, take turns; the work of one owner continues in order of arrival.
 */
export function giveWay(owner = ""): Promise<void> | undefined {
  if (hasTime()) return undefined;
  return new Promise((resolve) => {
    const queue = waiting.get(owner);
    if (queue === undefined) waiting.set(owner, [resolve]);
    else queue.push(resolve);
  });
}

/**
 * Puts divisible work off to a later turn, a few times in a row. Call it for each new connection: the event loop accepts one per turn, so long
 * turns would keep thousands of clients waiting.
 */
export function hurry(): void {
  isHurrying = true;
}

async function turn(): Promise<void> {
  if (isHurrying && putOff < maxPutOff) {
    isHurrying = false;
    putOff += 1;
    setImmediate(() => void turn());
    return;
  }
  isHurrying = false;
  putOff = 0;
  began = undefined;
  while (waiting.size > 0 && hasTime()) {
    const [owner, queue] = waiting.entries().next().value!;
    const next = queue.shift()!;
    // To the end of the owners.
    waiting.delete(owner);
    if (queue.length > 0) waiting.set(owner, queue);
    next();
    // Work that awaited this promise runs before the next line.
    await Promise.resolve();
  }
}
