import { ProblemError } from "@confab/contracts";
import { isMissingTable, isTransient, isUnavailable } from "@confab/database";
import { ChatsUnavailable, AcceptorBusy, AcceptorUnavailable } from "@confab/pending";
import { SettingsRefused } from "@confab/runtime";

/** Translates an error of a store into a problem. Returns all other errors unchanged. */
export function toProblem(error: unknown): unknown {
  if (error instanceof AcceptorUnavailable) return new ProblemError("sending-unavailable", { cause: error });
  if (error instanceof SettingsRefused) {
    return new ProblemError("sending-unavailable", {
      detail:
        "The stores have settings with which they could lose messages, so Confab does not use them. Nothing was accepted. Ask the operator to run confabctl config check --stores.",
      cause: error,
    });
  }
  if (error instanceof AcceptorBusy) return busy();
  // A table is missing if ingest started before the database was migrated.
  if (error instanceof ChatsUnavailable || isUnavailable(error) || isTransient(error) || isMissingTable(error)) {
    return new ProblemError("storage-unavailable", {
      detail:
        "This chat, or the message of this idempotency key, has to be read from the database, which is unavailable. Nothing was accepted. Send the message again after Retry-After.",
      cause: error,
    });
  }
  return error;
}

export function busy(): ProblemError {
  return new ProblemError("busy", {
    detail:
      "Too many messages already wait in this process for Redis or for their chat. Nothing was accepted. Send the message again after Retry-After.",
  });
}
