import { ConfigError } from "@confab/runtime";
import type { Outcome } from "./exit-codes.ts";

/** Ends the command with a sentence that says what to do. */
export class CommandError extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
    this.outcome = outcome;
  }
}

/** What to tell about an error, without a stack trace, and how the process ends. */
export async function explain(error: unknown): Promise<{ outcome: Outcome; message: string }> {
  if (error instanceof CommandError) return { outcome: error.outcome, message: error.message };
  if (error instanceof ConfigError) return { outcome: "configuration", message: error.message };
  const [{ isUnavailable, MigrationError, reasonOf }, { SearchUnavailable }] = await Promise.all([
    import("@confab/database"),
    import("@confab/search"),
  ]);
  if (error instanceof MigrationError) return { outcome: "unexpected", message: error.message };
  if (error instanceof SearchUnavailable) {
    const message = `Elasticsearch cannot be used now (${error.message}): is ELASTICSEARCH_URL right and the server up?`;
    return { outcome: "unavailable", message };
  }
  const reason = reasonOf(error);
  if (isUnavailable(error)) {
    const message = `The database cannot be used now (${firstLine(reason)}): is DATABASE_URL right and the server up?`;
    return { outcome: "unavailable", message };
  }
  return { outcome: "unexpected", message: `Unexpected error: ${reason} (DEBUG=confab shows where)` };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
