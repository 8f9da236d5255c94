import { join } from "node:path";

/** Replaces a text in a source file when a service loads it. */
export interface SourceMutant {
  /** The end of the file's path. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const mutantsVariable = "CONFAB_MUTANTS";

/**
 * Returns the environment of a service with these mutants. The service fails to start if a file does not contain the
 * text.
 */
export function environmentOf(mutants: readonly SourceMutant[]): Record<string, string> {
  return {
    [mutantsVariable]: JSON.stringify(mutants),
    NODE_OPTIONS: `--max-old-space-size=384 --import ${join(import.meta.dirname, "mutate-source.ts")}`,
  };
}
