import { join } from "node:path";

/** A text in a source file that is replaced when a service loads it. */
export interface SourceMutant {
  /** The end of its path. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const mutantsVariable = "CONFAB_MUTANTS";

/** The environment of a service with these mutants; it fails where a text is not there. */
export function environmentOf(mutants: readonly SourceMutant[]): Record<string, string> {
  return {
    [mutantsVariable]: JSON.stringify(mutants),
    NODE_OPTIONS: `--max-old-space-size=384 --import ${join(import.meta.dirname, "mutate-source.ts")}`,
  };
}
