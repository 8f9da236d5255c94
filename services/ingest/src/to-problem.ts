import { ProblemError } from "@confab/contracts";
import { isTransient, isUnavailable } from "@confab/database";
import { ChatsUnavailable, IntakeBusy, IntakeUnavailable } from "@confab/intake";
import { SettingsRefused } from "@confab/runtime";

/** What an error of the stores means for the client; every other error stays what it is. */
export function toProblem(error: unknown): unknown {
  if (error instanceof IntakeUnavailable) {
    return new ProblemError("intake-unavailable", {
      detail: "The message may or may not have been taken: send it again with the same Idempotency-Key.",
      cause: error,
    });
  }
  if (error instanceof SettingsRefused) {
    return new ProblemError("intake-unavailable", {
      detail: "The stores are set so that they would lose messages. Nothing of this request was taken.",
      cause: error,
    });
  }
  if (error instanceof IntakeBusy) {
    return new ProblemError("busy", {
      detail:
        "Too many messages wait here, for Redis or to have their chats looked up. Nothing of this request was taken.",
      cause: error,
    });
  }
  if (error instanceof ChatsUnavailable || isUnavailable(error) || isTransient(error)) {
    return new ProblemError("storage-unavailable", {
      detail: "The chat is not known here yet, and the database that knows it cannot be reached.",
      cause: error,
    });
  }
  return error;
}
