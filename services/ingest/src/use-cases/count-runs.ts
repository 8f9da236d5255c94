import { ProblemError } from "@confab/contracts";
import type { AcceptRun } from "./accept-messages.ts";

export interface CountRunsOptions {
  acceptRun: AcceptRun;
  accepted: (token: string, messages: number) => void;
  refused: (reason: string, messages?: number) => void;
  /** Turns a store's error into a problem. */
  toProblem: (error: unknown) => unknown;
}

/** The same as `acceptRun`, with what was accepted of an application and what was refused counted: a token that is nobody's leaves no trace. */
export function createCountedRun({ acceptRun, accepted, refused, toProblem }: CountRunsOptions): AcceptRun {
  return async (...run) => {
    const [items] = run;
    try {
      const outcomes = await acceptRun(...run);
      let count = 0;
      for (const outcome of outcomes) {
        if (outcome instanceof ProblemError) refused(outcome.code);
        else count += 1;
      }
      if (count > 0) accepted(items[0]!.application_token, count);
      return outcomes;
    } catch (error) {
      const problem = toProblem(error);
      refused(problem instanceof ProblemError ? problem.code : "internal-error", items.length);
      throw error;
    }
  };
}
