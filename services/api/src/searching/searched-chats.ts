import type { Applications, Chats } from "@confab/database";
import type { SearchedChat } from "@confab/search";
import { expectApplication } from "../reading/expect-application.ts";
import { unknownChats } from "./unknown-chats.ts";

/** The application that a search reads, and its chats. */
export interface Searched {
  readonly applicationId: bigint;
  /** The chats to search; undefined for all chats. */
  readonly chats: SearchedChat[] | undefined;
}

/** A request that is cancelled when its client disconnects. */
export interface Signalled {
  readonly signal?: AbortSignal;
}

/**
 * Finds the application, and the chats with the given numbers in it. Throws the 404 for the application or for a chat.
 */
export async function findSearched(
  { applications, chats }: { applications: Pick<Applications, "find">; chats: Pick<Chats, "numbered"> },
  token: string,
  numbers: readonly number[] | undefined,
): Promise<Searched> {
  const { id: applicationId } = expectApplication(await applications.find(token));
  if (numbers === undefined) return { applicationId, chats: undefined };
  const found = await chats.numbered(applicationId, numbers);
  const missing = numbers.find((number) => found.every((chat) => chat.number !== number));
  if (missing === undefined) return { applicationId, chats: found };
  throw unknownChats([missing]);
}
