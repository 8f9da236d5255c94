import { LocalError } from "@confab/local";
import { run, type RunResult } from "./run.ts";
import { contextArgs, type Environment } from "./settings.ts";
import { findTool } from "./tools.ts";

/** Runs helm on the chosen cluster. */
export async function helm(env: Environment, args: readonly string[], show = false): Promise<RunResult> {
  return run(await findTool("helm"), [...args, ...contextArgs(env).helm], { env, show });
}

/** Runs kubectl on the chosen cluster. */
export async function kubectl(env: Environment, args: readonly string[], input?: string): Promise<RunResult> {
  const options = input === undefined ? { env } : { env, input };
  return run(await findTool("kubectl"), [...contextArgs(env).kubectl, ...args], options);
}

/**
 * Returns the result if the command succeeded. Otherwise, throws a LocalError with the exit code and the last line of
 * the error output.
 */
export function orFail(result: RunResult, what: string): RunResult {
  if (result.code === 0) return result;
  const reason = result.stderr.trim().split("\n").at(-1) ?? "";
  throw new LocalError(`${what} failed (exit code ${result.code}): ${reason}`);
}
