import type { Applications } from "@confab/database";
import type { Logger } from "@confab/runtime";
import { expectApplication } from "../reading/expect-application.ts";
import { unknownChats } from "../searching/unknown-chats.ts";
import type { ChatLookups } from "./chat-lookups.ts";
import type { StreamPosition, Start } from "./position.ts";

export interface BeginStreamOptions {
  readonly applications: Pick<Applications, "find">;
  readonly lookups: Pick<ChatLookups, "find" | "head">;
}

/**
 * Returns the chats of a stream, and where each begins: at its given position, or now. Throws the 404 for the
 * application or for chats.
 */
export type BeginStream = (
  token: string,
  numbers: readonly number[],
  given: (chat: number) => StreamPosition | undefined,
  logger: () => Logger,
) => Promise<Start[]>;

/** Finds the chats of a stream and their positions, with look-ups that are shared with other streams. */
export function createBeginStream({ applications, lookups }: BeginStreamOptions): BeginStream {
  return async (token, numbers, given, logger) => {
    const found = await Promise.all(numbers.map((number) => lookups.find({ token, number })));
    const missing = numbers.filter((_, at) => found[at] === undefined);
    if (missing.length > 0) {
      expectApplication(await applications.find(token));
      throw unknownChats(missing);
    }
    let isReported = false;
    return Promise.all(
      found.map(async (chat) => {
        const { number, lastMessageNumber, lastChangeNumber, lastNumbering } = chat!;
        const position = given(number);
        if (position) return { chat: chat!, position, hasLostChanges: position.change > lastChangeNumber };
        const head = await lookups.head({ token, number }).catch((error: unknown) => {
          if (!isReported) logger().warn({ err: error }, "Redis is unavailable: a stream begins after stored messages");
          isReported = true;
          return undefined;
        });
        return {
          chat: chat!,
          position: {
            // MySQL may have a higher last number, because a worker stored the message after a loss. Redis may still
            // assign the numbers below it.
            number: head?.last ?? lastMessageNumber,
            change: lastChangeNumber,
            numbering: Math.max(lastNumbering, head?.numbering ?? 0),
          },
        };
      }),
    );
  };
}
