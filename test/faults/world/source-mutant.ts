import { join } from "node:path";

/** A text in a source file that is replaced when a service loads it. */
export interface SourceMutant {
  /** The end of its path. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const mutantVariable = "CONFAB_MUTANT";

/** The environment of a service with a mutant; it does not start where the text is not there. */
export function environmentOf(mutant: SourceMutant): Record<string, string> {
  return {
    [mutantVariable]: JSON.stringify(mutant),
    NODE_OPTIONS: `--max-old-space-size=384 --import ${join(import.meta.dirname, "mutate-source.ts")}`,
  };
}
