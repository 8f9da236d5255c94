/** Maximum time in ms that divisible work may hold the event loop in one turn. */
const sliceMs = 5;

/** Work that waits for a later turn, by owner. The first owner is next. */
const waiting = new Map<string, (() => void)[]>();
/** Maximum number of consecutive turns by which `hurry` can postpone divisible work. */
const maxPutOff = 3;
let isHurrying = false;
let putOff = 0;

/** When the first divisible work of this turn began. A process has one event loop and therefore one such value. */
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
 * Gives way to other work in loops whose length a client controls. Returns undefined while this turn has time left, and
 * otherwise a promise for a later turn. Await the promise between two pieces of work, so that the rest of the process
 * can run. Where many callers resume at the same moment, await only a promise, never undefined, and do so directly
 * before the work: during any other await, the other callers would also find time left. Owners, such as applications,
 * take turns; the work of one owner continues in order of arrival.
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
 * Postpones waiting divisible work by one turn, at most three times in a row. Call it for each new connection: the
 * event loop accepts one per turn, so long turns would keep thousands of clients waiting.
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
    // The owner moves behind all others.
    waiting.delete(owner);
    if (queue.length > 0) waiting.set(owner, queue);
    next();
    // Work that awaited this promise runs before the next line.
    await Promise.resolve();
  }
}
