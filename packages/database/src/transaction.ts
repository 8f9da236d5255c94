import { setTimeout as sleep } from "node:timers/promises";
import { isTransient } from "./errors.ts";
import { WriteOutcomeUnknown, type CommitGuard } from "./attempt.ts";
import type { Database, Queryable } from "./client.ts";

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
export async function transaction<T>(
  { prisma }: Database,
  work: (tx: Queryable) => Promise<T>,
  { timeoutMs = 10_000, guard }: { timeoutMs?: number; guard?: CommitGuard | undefined } = {},
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const commit = { isSent: false };
    const guarded = async (tx: Queryable): Promise<T> => {
      const result = await work(tx);
      guard?.beforeCommit();
      commit.isSent = true;
      return result;
    };
    try {
      return await prisma.$transaction(guarded, { timeout: timeoutMs });
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
