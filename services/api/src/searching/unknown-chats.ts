import { ProblemError } from "@confab/contracts";

/** Returns the 404 that lists the chats that an application does not have. */
export function unknownChats(missing: readonly number[]): ProblemError {
  const names = missing.length === 1 ? `chat ${missing[0]!}` : `chats ${missing.join(", ")}`;
  return new ProblemError("chat-not-found", {
    detail: `The application has no ${names}. Use numbers that were returned when chats were created.`,
    members: { chats: [...missing] },
  });
}
