import { isTemporary } from "../api-errors.ts";
import type { Tools } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import { inWords, retryUntil } from "../retry-until.ts";
import { NotYet, quickSteps } from "./quick-steps.ts";

/**
 * Runs the steps of a quick verification, in a given or a new application, and prints each step. Throws at the first
 * step that fails.
 */
export async function verifyQuickly(
  { api, output }: Pick<Tools, "api" | "output">,
  application: string | undefined,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const late = AbortSignal.timeout(timeoutMs);
  for (const { name, run } of quickSteps(api, late, application)) {
    const started = performance.now();
    const onRetry = (reason: string): void => {
      output.note(`waiting: ${name}: ${reason}`);
    };
    try {
      await retryUntil({ timeoutMs: deadline - started, reasonToRetry, onRetry }, run);
    } catch (error) {
      output.item({ step: name, ok: false }, () => `FAILED  ${name}`);
      throw late.aborted ? lateError(timeoutMs, name, error) : error;
    }
    const ms = Math.round(performance.now() - started);
    output.item({ step: name, ok: true, ms }, () => `ok      ${name} (${ms} ms)`);
  }
}

function lateError(timeoutMs: number, step: string, cause: unknown): CommandError {
  const message = `The verification did not finish within ${inWords(timeoutMs)}. The step "${step}" was not done.`;
  return new CommandError("unavailable", message, { cause });
}

/**
 * Returns why to retry a step, or undefined if a retry is useless. While an installation starts, its host name may be
 * unknown, or its ingress may have no pods.
 */
function reasonToRetry(error: unknown): string | undefined {
  return error instanceof NotYet || isTemporary(error) ? error.message : undefined;
}
