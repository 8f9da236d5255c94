import { ProblemError } from "@confab/contracts";
import {
  IdempotencyConflict,
  KeyNotActive,
  TooManyErasures,
  isTransient,
  isUnavailable,
  WriteOutcomeUnknown,
} from "@confab/database";
import { SettingsRefused } from "@confab/runtime";
import { InvalidCursor, InvalidQuery, SearchUnavailable } from "@confab/search";

/** Translates an error of a store into a problem. Returns every other error unchanged. */
export function toProblem(error: unknown): unknown {
  if (error instanceof IdempotencyConflict) return new ProblemError("idempotency-conflict", { cause: error });
  if (error instanceof KeyNotActive) return new ProblemError("key-not-active", { cause: error });
  if (error instanceof TooManyErasures)
    return new ProblemError("too-many-erasures", { retryAfterSeconds: 60, cause: error });
  if (error instanceof SearchUnavailable) return new ProblemError("search-unavailable", { cause: error });
  if (error instanceof InvalidCursor) return invalid("?cursor", "is not a cursor of this search", error);
  if (error instanceof InvalidQuery) return invalid("?q", error.message, error);
  // This class is checked first: it wraps a connection error, and a connection error alone would mean that nothing was
  // done.
  if (error instanceof WriteOutcomeUnknown) return new ProblemError("outcome-unknown", { cause: error });
  if (error instanceof SettingsRefused) {
    return new ProblemError("storage-unavailable", {
      detail:
        "The database has settings with which it could lose data, so Confab does not use it. Nothing was done. Ask the operator to run confabctl config check --stores.",
      cause: error,
    });
  }
  if (isUnavailable(error) || isTransient(error)) return new ProblemError("storage-unavailable", { cause: error });
  return error;
}

function invalid(pointer: string, detail: string, cause: Error): ProblemError {
  return new ProblemError("validation-failed", { errors: [{ pointer, detail }], cause });
}
