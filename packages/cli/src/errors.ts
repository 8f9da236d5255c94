import { ConfigError } from "@confab/config";
import type { Outcome } from "./exit-codes.ts";

/** Ends the command with a message that says what happened and what to do. */
export class CommandError extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
    this.outcome = outcome;
  }
}

/** Returns the message for an error, without a stack trace, and the outcome that decides the exit code. */
export async function explain(error: unknown): Promise<{ outcome: Outcome; message: string }> {
  if (error instanceof CommandError) return { outcome: error.outcome, message: error.message };
  if (error instanceof ConfigError) return { outcome: "configuration", message: error.message };
  const [{ isUnavailable, MigrationError, reasonOf }, { SearchUnavailable }] = await Promise.all([
    import("@confab/database"),
    import("@confab/search"),
  ]);
  if (error instanceof MigrationError) return { outcome: "unexpected", message: error.message };
  if (error instanceof SearchUnavailable) {
    const message = `Elasticsearch is unavailable (${error.message}). Check ELASTICSEARCH_URL and that the server is running.`;
    return { outcome: "unavailable", message };
  }
  const reason = reasonOf(error);
  if (isUnavailable(error)) {
    const message = `The database is unavailable (${firstLine(reason)}). Check DATABASE_URL and that the server is running.`;
    return { outcome: "unavailable", message };
  }
  return { outcome: "unexpected", message: `Unexpected error: ${reason}. Set DEBUG=confab to see where it happened.` };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
