import { setTimeout as sleep } from "node:timers/promises";
import { isTransient } from "./errors.ts";
import { WriteNotDone, WriteOutcomeUnknown, type CommitGuard } from "./attempt.ts";
import type { Database, Queryable } from "./client.ts";
import type { DriverSession, Statements } from "./session.ts";

/** Thrown inside a transaction to roll it back and run it again from the start. */
export class RetryTransaction extends Error {
  override readonly name = "RetryTransaction";
}

const attempts = 6;

/**
 * Runs work in one READ COMMITTED transaction. Repeats it from the start after a deadlock, a lock wait timeout or a
 * `RetryTransaction`, with at most six attempts and growing, jittered pauses. Any other error rolls the transaction
 * back and is thrown unchanged. With a guard, an error instead of the commit's answer becomes `WriteOutcomeUnknown`. If
 * a transaction takes longer than `timeoutMs`, or its caller got `WriteNotDone`, its session is closed, so that the
 * server rolls the transaction back at once.
 */
export function transaction<T>(
  database: Database,
  work: (tx: Queryable) => Promise<T>,
  { timeoutMs = 10_000, guard }: { timeoutMs?: number; guard?: CommitGuard | undefined } = {},
): Promise<T> {
  return repeatTransaction((beforeCommit) => {
    let session: DriverSession | undefined;
    const guarded = async (tx: Queryable): Promise<T> => {
      const abort = (): void => session?.destroy();
      const timer = setTimeout(abort, timeoutMs);
      guard?.late.addEventListener("abort", abort);
      try {
        guard?.late.throwIfAborted();
        const result = await work(tx);
        beforeCommit();
        return result;
      } finally {
        // From here on, Prisma may return the session to the pool.
        clearTimeout(timer);
        guard?.late.removeEventListener("abort", abort);
      }
    };
    return database.watched(
      (taken) => (session = taken),
      (prisma) => prisma.$transaction(guarded, { timeout: timeoutMs + 1_000 }),
    );
  }, guard);
}

/**
 * Runs raw statements like `transaction`, but without Prisma, which took a fifth of the worker's CPU time. A session
 * that takes longer than `timeoutMs` is closed, and the server rolls its transaction back.
 */
export async function directTransaction<T>(
  database: Database,
  work: (tx: Statements) => Promise<T>,
  { timeoutMs }: { timeoutMs: number },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    let opened: Awaited<ReturnType<Database["session"]>> | undefined;
    let timer: NodeJS.Timeout | undefined;
    let failure: unknown;
    try {
      const { session, statements } = (opened = await database.session());
      timer = setTimeout(() => {
        session.destroy();
      }, timeoutMs);
      await statements.run("START TRANSACTION");
      const result = await work(statements);
      await statements.run("COMMIT");
      return result;
    } catch (error) {
      failure = error;
      await opened?.statements.run("ROLLBACK").catch(() => {
        opened?.session.destroy();
      });
    } finally {
      clearTimeout(timer);
      await opened?.session.release().catch(() => undefined);
    }
    // Pauses after releasing the session, because others need it.
    await pauseUnlessFinal(failure, attempt);
  }
}

/**
 * Repeats a transaction until it succeeds or cannot be repeated. `run` calls `beforeCommit` directly before its commit.
 */
async function repeatTransaction<T>(run: (beforeCommit: () => void) => Promise<T>, guard?: CommitGuard): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const commit = { isSent: false };
    try {
      return await run(() => {
        guard?.beforeCommit();
        commit.isSent = true;
      });
    } catch (error) {
      if (guard?.late.aborted === true) throw new WriteNotDone("The write timed out", { cause: error });
      if (mayRepeat(error)) guard?.commitRefused();
      else if (guard && commit.isSent) throw new WriteOutcomeUnknown("The commit was not answered", { cause: error });
      await pauseUnlessFinal(error, attempt);
    }
  }
}

function mayRepeat(error: unknown): boolean {
  return error instanceof RetryTransaction || isTransient(error);
}

/** Pauses before the next attempt. Throws the error if there must be no further attempt. */
async function pauseUnlessFinal(error: unknown, attempt: number): Promise<void> {
  if (!mayRepeat(error) || attempt === attempts) throw error;
  await sleep(Math.random() * 10 * 2 ** attempt);
}

/** Returns the placeholders of a multi-row VALUES list: `(?, ?), (?, ?)`. */
export function placeholderRows(rows: number, columns: number): string {
  const one = `(${Array<string>(columns).fill("?").join(", ")})`;
  return Array<string>(rows).fill(one).join(", ");
}

/** Returns the placeholders of an IN list: `?, ?, ?`. */
export function placeholders(values: readonly unknown[]): string {
  return values.map(() => "?").join(", ");
}
