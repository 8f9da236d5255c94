import { ProblemError } from "@confab/contracts";
import type { AcceptRun } from "./accept-messages.ts";

export interface CountRunsOptions {
  acceptRun: AcceptRun;
  sent: (token: string, messages: number) => void;
  refused: (reason: string, messages?: number) => void;
  /** Turns a store's error into a problem. */
  toProblem: (error: unknown) => unknown;
}

/** The same as `acceptRun`, with what was sent and what was refused counted. */
export function createCountedRun({ acceptRun, sent, refused, toProblem }: CountRunsOptions): AcceptRun {
  return async (...run) => {
    const [items] = run;
    const [first] = items;
    if (first) sent(first.application_token, items.length);
    try {
      const outcomes = await acceptRun(...run);
      for (const outcome of outcomes) if (outcome instanceof ProblemError) refused(outcome.code);
      return outcomes;
    } catch (error) {
      const problem = toProblem(error);
      refused(problem instanceof ProblemError ? problem.code : "other", items.length);
      throw error;
    }
  };
}
