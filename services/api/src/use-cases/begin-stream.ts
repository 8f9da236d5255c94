import { ProblemError } from "@confab/contracts";
import type { Applications, Chats } from "@confab/database";
import type { PendingMessages } from "@confab/intake";
import type { Logger } from "@confab/runtime";
import { expectApplication } from "./expect-application.ts";
import type { Position, Start } from "../stream/frames.ts";

export interface BeginStreamOptions {
  applications: Pick<Applications, "find">;
  chats: Pick<Chats, "numbered">;
  pending: Pick<PendingMessages, "lastNumber">;
}

/** The chats of a stream and where each begins: at its given position, or now. Throws the 404 for the application or for chats. */
export type BeginStream = (
  token: string,
  numbers: readonly number[],
  given: (chat: number) => Position | undefined,
  logger: Logger,
) => Promise<Start[]>;

/** Finds the chats of a stream and their positions. */
export function createBeginStream({ applications, chats, pending }: BeginStreamOptions): BeginStream {
  return async (token, numbers, given, logger) => {
    const application = expectApplication(await applications.find(token));
    const found = await chats.numbered(application.id, numbers);
    const known = new Set(found.map(({ number }) => number));
    const missing = numbers.filter((number) => !known.has(number));
    if (missing.length > 0) throw unknownChats(missing);
    let isReported = false;
    return Promise.all(
      found.map(async ({ id, number, lastMessageNumber, lastChangeNumber }) => {
        const position = given(number);
        if (position) return { chat: { id, number }, position };
        const assigned = await pending.lastNumber({ token, number }).catch((error: unknown) => {
          if (!isReported) logger.warn({ err: error }, "Redis is unavailable: a stream begins after stored messages");
          isReported = true;
          return undefined;
        });
        return {
          chat: { id, number },
          position: { number: Math.max(lastMessageNumber, assigned ?? 0), change: lastChangeNumber },
        };
      }),
    );
  };
}

function unknownChats(missing: readonly number[]): ProblemError {
  const names = missing.length === 1 ? `chat ${missing[0]!}` : `chats ${missing.join(", ")}`;
  return new ProblemError("chat-not-found", {
    detail: `The application has no ${names}. Use numbers that were returned when chats were created.`,
  });
}
