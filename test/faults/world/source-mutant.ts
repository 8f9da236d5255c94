import { join } from "node:path";

/** A text in a source file, and its replacement when a service loads the file. */
export interface SourceMutant {
  /** The end of the path of the file to change. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const mutantsVariable = "CONFAB_MUTANTS";

/**
 * Returns the environment of a service with these mutants. A service fails to start if one of the files does not
 * contain the text to replace.
 */
export function environmentOf(mutants: readonly SourceMutant[]): Record<string, string> {
  return {
    [mutantsVariable]: JSON.stringify(mutants),
    NODE_OPTIONS: `--max-old-space-size=384 --import ${join(import.meta.dirname, "mutate-source.ts")}`,
  };
}
