import { contentBytes } from "@confab/contracts";
import type { BatchEntry, EntryResult } from "./encode-batch.ts";

/** The outcome is unknown: the message may or may not have been accepted. */
export class AcceptorUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AcceptorUnavailable";
  }
}

/** Too many messages are already waiting. The message was not accepted. */
export class AcceptorBusy extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AcceptorBusy";
  }
}

export interface BatcherOptions {
  /** Sends one batch whose first entry waited for `waitedMs`. Returns one result per entry, in order. */
  readonly send: (entries: readonly BatchEntry[], waitedMs: number) => Promise<readonly EntryResult[]>;
  readonly maxBatch: number;
  /**
   * Maximum size of a batch's contents in bytes. It is limited because Redis processes one batch at a time. Only a
   * batch with a single submission may exceed it.
   */
  readonly maxBatchBytes: number;
  readonly maxInFlight: number;
  /** Maximum number of entries that wait for a slot. Further entries are refused immediately. */
  readonly maxWaiting: number;
  /** The same limit in bytes of contents, because one message may be as large as a thousand others. */
  readonly maxWaitingBytes: number;
  /** Maximum time in ms from a submission to the answer of Redis. Afterwards, the submission is rejected. */
  readonly deadlineMs: number;
}

interface Waiting {
  readonly entries: readonly BatchEntry[];
  readonly bytes: number;
  readonly deadline: number;
  readonly resolve: (results: EntryResult[]) => void;
  readonly reject: (error: Error) => void;
}

export interface Batcher {
  /**
   * Submits entries. Entries that are submitted together are sent in one batch, so that the script numbers either all
   * of them or only the first ones.
   */
  submit(entries: readonly BatchEntry[]): Promise<EntryResult[]>;
  /** Returns the number of unanswered batches, and the number of entries that wait for a batch. */
  load(): { inFlight: number; waiting: number };
  /** Resolves when all submissions are settled. Callers must not submit anything afterwards. */
  stop(): Promise<void>;
}

/**
 * Creates a batcher that uses natural group commit: entries that are submitted in one turn of the event loop, or while
 * all slots are taken, are sent together. No timer delays a batch, so an idle service adds no latency. The only timer
 * enforces the deadline.
 */
export function createBatcher(options: BatcherOptions): Batcher {
  const { send, maxBatch, maxBatchBytes, maxInFlight, maxWaiting, maxWaitingBytes, deadlineMs } = options;
  let waiting: Waiting[] = [];
  let waitingEntries = 0;
  let waitingBytes = 0;
  const inFlight = new Set<{ members: Waiting[]; expire: () => void }>();
  let scheduled = false;
  let drained: (() => void) | undefined;

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };

  function flush(): void {
    scheduled = false;
    let dispatched = 0;
    while (waiting.length > 0 && inFlight.size < maxInFlight) {
      // Encoding a batch blocks the event loop. At most one large batch is therefore encoded per turn.
      if (dispatched > maxBatchBytes / 2) {
        schedule();
        return;
      }
      let taken = 0;
      let [size, bytes] = [0, 0];
      for (const each of waiting) {
        const fits = size + each.entries.length <= maxBatch && bytes + each.bytes <= maxBatchBytes;
        if (taken > 0 && !fits) break;
        taken += 1;
        size += each.entries.length;
        bytes += each.bytes;
      }
      const members = waiting.slice(0, taken);
      waiting = waiting.slice(taken);
      waitingEntries -= size;
      waitingBytes -= bytes;
      dispatched += bytes;
      dispatch(members);
    }
    if (waiting.length === 0 && inFlight.size === 0) drained?.();
  }

  function dispatch(members: Waiting[]): void {
    let settled = false;
    const settle = (finish: () => void): void => {
      if (settled) return;
      settled = true;
      inFlight.delete(batch);
      finish();
      flush();
    };
    const fail = (error: Error): void => {
      for (const member of members) member.reject(error);
    };
    const batch = {
      members,
      expire: () => {
        settle(() => {
          fail(new AcceptorUnavailable(`Redis did not answer within ${deadlineMs} ms`));
        });
      },
    };
    inFlight.add(batch);
    send(entriesOf(members), Math.max(0, Date.now() + deadlineMs - members[0]!.deadline)).then(
      (results) => {
        settle(() => {
          let at = 0;
          for (const { entries, resolve } of members) resolve(results.slice(at, (at += entries.length)));
        });
      },
      (error: unknown) => {
        settle(() => {
          fail(new AcceptorUnavailable("Redis refused the batch or became unavailable", { cause: error }));
        });
      },
    );
  }

  const expire = (): void => {
    const now = Date.now();
    const expired = waiting.findIndex(({ deadline }) => deadline > now);
    const late = waiting.splice(0, expired === -1 ? waiting.length : expired);
    for (const { entries, bytes, reject } of late) {
      waitingEntries -= entries.length;
      waitingBytes -= bytes;
      reject(new AcceptorUnavailable(`The message was not sent to Redis within ${deadlineMs} ms`));
    }
    for (const { members, expire } of inFlight) if (members[0]!.deadline <= now) expire();
  };
  const timer = setInterval(expire, Math.max(10, deadlineMs / 20)).unref();

  return {
    submit: (entries) =>
      new Promise((resolve, reject) => {
        if (waitingEntries >= maxWaiting || waitingBytes >= maxWaitingBytes) {
          reject(new AcceptorBusy("Too many messages are waiting for Redis"));
          return;
        }
        let bytes = 0;
        for (const entry of entries) bytes += contentBytes(entry);
        waitingEntries += entries.length;
        waitingBytes += bytes;
        waiting.push({ entries, bytes, deadline: Date.now() + deadlineMs, resolve, reject });
        // A turn in which thousands of requests arrive is long. A full batch must not wait for its end.
        if (waitingEntries >= maxBatch && inFlight.size < maxInFlight) flush();
        else schedule();
      }),
    load: () => ({ inFlight: inFlight.size, waiting: waitingEntries }),
    async stop() {
      if (waiting.length > 0 || inFlight.size > 0) await new Promise<void>((resolve) => (drained = resolve));
      clearInterval(timer);
    },
  };
}

function entriesOf(members: readonly Waiting[]): BatchEntry[] {
  const all: BatchEntry[] = [];
  for (const { entries } of members) for (const entry of entries) all.push(entry);
  return all;
}
