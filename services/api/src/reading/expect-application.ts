import { ProblemError } from "@confab/contracts";

/** Returns what was found for a token, or throws the 404 for the application. */
export function expectApplication<T>(found: T | undefined): T {
  if (found === undefined) throw new ProblemError("application-not-found");
  return found;
}
