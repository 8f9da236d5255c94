import { useEnding, useForEach } from "@confab/testkit";
import { openStream, type EventReader, type ReceivedEvent } from "./event-reader.ts";
import type { Api } from "./start.ts";
import type { Chat, World } from "./world.ts";

interface OpenOptions {
  readonly headers?: Record<string, string>;
  readonly from?: Pick<Api, "url">;
  /** Path of the stream. The default is the chat's own stream. */
  readonly of?: string;
}

/** Gives each test a chat with the path of its messages, and `open`, which opens streams that end with the test. */
export function useStreamedChat(world: Pick<World, "newChat">, api: Pick<Api, "url">) {
  const endAfterTest = useEnding();
  const newChat = async (): Promise<Chat & { readonly path: string }> => {
    const chat = await world.newChat();
    return { ...chat, path: `/applications/${chat.token}/chats/${chat.number}/messages` };
  };
  const chat = useForEach(newChat);
  return {
    chat,
    newChat,
    open: async (
      query = "",
      { headers = {}, from = api, of = `${chat.path}/stream` }: OpenOptions = {},
    ): Promise<EventReader> => endAfterTest(await openStream(`${from.url}${of}${query}`, headers)),
  };
}

export function isCaughtUp(events: readonly ReceivedEvent[]): boolean {
  return events.some(({ event }) => event === "caught-up");
}

/** Returns the position of an event without its numbering. */
export function withoutNumbering(id: string | undefined): string | undefined {
  return id?.replace(/\.\d+$/, "");
}

/** Returns the position, the kind and, if it has one, the body of each event. */
export function shown(events: readonly ReceivedEvent[]): unknown[][] {
  return events.map(({ id, event, data }) => [withoutNumbering(id), event, ...("body" in data ? [data.body] : [])]);
}

/** Returns the change numbers of the edits and deletions. */
export function changesOf(events: readonly ReceivedEvent[]): number[] {
  return events
    .filter(({ event }) => event === "edited" || event === "deleted")
    .map(({ data }) => data.change_number as number);
}
