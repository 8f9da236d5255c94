import { Option, type Command } from "commander";
import { isTemporary } from "../api-errors.ts";
import { duration, token, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { inWords, retryUntil } from "../retry-until.ts";
import { NotYet, smokeSteps } from "../smoke/smoke-steps.ts";

/** `smoke [--application TOKEN] [--timeout 1m]`. */
export function addSmokeCommand(program: Command, io: Io): void {
  program
    .command("smoke")
    .description("test an installation: create, send, read, list and search. Everything that it creates stays")
    .option("--application <token>", "use this application instead of creating one", token)
    .addOption(
      new Option("--timeout <duration>", "maximum duration of all steps").argParser(duration).default(60_000, "1m"),
    )
    .action(async ({ application, timeout }: { application?: string; timeout: number }, command: Command) => {
      const { api, output } = toolsOf(io, command);
      const deadline = performance.now() + timeout;
      const late = AbortSignal.timeout(timeout);
      for (const { name, run } of smokeSteps(api, late, application)) {
        const started = performance.now();
        const onRetry = (reason: string): void => {
          output.note(`waiting: ${name}: ${reason}`);
        };
        try {
          await retryUntil({ timeoutMs: deadline - started, reasonToRetry, onRetry }, run);
        } catch (error) {
          output.item({ step: name, ok: false }, () => `FAILED  ${name}`);
          throw late.aborted ? lateError(timeout, name, error) : error;
        }
        const ms = Math.round(performance.now() - started);
        output.item({ step: name, ok: true, ms }, () => `ok      ${name} (${ms} ms)`);
      }
    });
}

function lateError(timeoutMs: number, step: string, cause: unknown): CommandError {
  const message = `The smoke test did not finish within ${inWords(timeoutMs)}. The step "${step}" was not done.`;
  return new CommandError("unavailable", message, { cause });
}

/** Includes what happens while an installation starts: a host name that is not known yet, an ingress without pods. */
function reasonToRetry(error: unknown): string | undefined {
  return error instanceof NotYet || isTemporary(error) ? error.message : undefined;
}
