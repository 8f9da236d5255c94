import type { ProblemCode } from "@confab/contracts";

const shedding: ReadonlySet<ProblemCode | undefined> = new Set<ProblemCode>(["rate-limited", "overloaded", "busy"]);

/**
 * Returns whether a problem refuses work because there is too much of it. Overload produces such problems in large
 * numbers.
 */
export function isSheddingLoad(problem: ProblemCode | undefined): boolean {
  return shedding.has(problem);
}
