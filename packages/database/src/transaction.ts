import { setTimeout as sleep } from "node:timers/promises";
import { isTransient } from "./errors.ts";
import { WriteOutcomeUnknown, type CommitGuard } from "./attempt.ts";
import type { Database, Queryable } from "./client.ts";
import type { Statements } from "./session.ts";

/** Thrown inside a transaction to roll it back and run it again from the start. */
export class RetryTransaction extends Error {
  override readonly name = "RetryTransaction";
}

const ATTEMPTS = 6;

/**
 * Runs work in one READ COMMITTED transaction. Repeats it from the start after a deadlock, a lock wait timeout or a
 * `RetryTransaction`, at most six times with growing, jittered pauses. Any other error rolls back and is thrown
 * unchanged. With a guard, an error instead of the commit's answer becomes `WriteOutcomeUnknown`.
 */
export function transaction<T>(
  { prisma }: Database,
  work: (tx: Queryable) => Promise<T>,
  { timeoutMs = 10_000, guard }: { timeoutMs?: number; guard?: CommitGuard | undefined } = {},
): Promise<T> {
  return repeatTransaction((beforeCommit) => {
    const guarded = async (tx: Queryable): Promise<T> => {
      const result = await work(tx);
      beforeCommit();
      return result;
    };
    return prisma.$transaction(guarded, { timeout: timeoutMs });
  }, guard);
}

/**
 * The same for raw statements, past Prisma, which took a fifth of the worker's CPU time. A session that takes
 * longer than `timeoutMs` is closed, and the server rolls its transaction back.
 */
export function directTransaction<T>(
  database: Database,
  work: (tx: Statements) => Promise<T>,
  { timeoutMs }: { timeoutMs: number },
): Promise<T> {
  return repeatTransaction(async () => {
    const { session, statements } = await database.session();
    const timer = setTimeout(() => {
      session.destroy();
    }, timeoutMs);
    try {
      await statements.run("START TRANSACTION");
      const result = await work(statements);
      await statements.run("COMMIT");
      return result;
    } catch (error) {
      await statements.run("ROLLBACK").catch(() => {
        session.destroy();
      });
      throw error;
    } finally {
      clearTimeout(timer);
      await session.release().catch(() => undefined);
    }
  });
}

/** Runs a transaction until it is done. `run` calls `beforeCommit` directly before its commit. */
async function repeatTransaction<T>(run: (beforeCommit: () => void) => Promise<T>, guard?: CommitGuard): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const commit = { isSent: false };
    try {
      return await run(() => {
        guard?.beforeCommit();
        commit.isSent = true;
      });
    } catch (error) {
      const again = error instanceof RetryTransaction || isTransient(error);
      if (again) guard?.commitRefused();
      else if (guard && commit.isSent) throw new WriteOutcomeUnknown("The commit was not answered", { cause: error });
      if (!again || attempt === ATTEMPTS) throw error;
      await sleep(Math.random() * 10 * 2 ** attempt);
    }
  }
}

/** `(?, ?), (?, ?)`: the placeholders of a multi-row VALUES list. */
export function placeholderRows(rows: number, columns: number): string {
  const one = `(${Array<string>(columns).fill("?").join(", ")})`;
  return Array<string>(rows).fill(one).join(", ");
}

/** `?, ?, ?`: the placeholders of an IN list. */
export function placeholders(values: readonly unknown[]): string {
  return values.map(() => "?").join(", ");
}
