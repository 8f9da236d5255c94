import { routes } from "@confab/contracts";
import { createRouter, mount, type MountOptions } from "@confab/http";
import type { FairShare } from "@confab/runtime";
import type { Router } from "express";
import { toMessage } from "../representations.ts";
import type { FindChat } from "../use-cases/find-chat.ts";
import type { ReadMessages } from "../use-cases/read-messages.ts";
import type { SearchMessages } from "../use-cases/search-messages.ts";

export interface MessageRoutesOptions {
  findChat: FindChat;
  readMessages: ReadMessages;
  searchMessages: SearchMessages;
  /** Runs slow work, so that one application leaves the others their share of the database. */
  share: FairShare;
  mountOptions: MountOptions;
}

/** Messages of a chat: list, get, search. */
export function createMessageRoutes(options: MessageRoutesOptions): Router {
  const { findChat, readMessages, searchMessages, share, mountOptions } = options;
  const router = createRouter();

  mount(
    router,
    routes.listMessages,
    ({ params: { token, chat: number }, query, context }) =>
      share(token, async () => {
        const chat = await findChat(token, number);
        const { items, link } = await readMessages.list(token, chat, query, context.logger);
        return { body: items.map((message) => toMessage(token, number, message)), link };
      }),
    mountOptions,
  );

  mount(
    router,
    routes.searchMessages,
    ({ params: { token, chat: number }, query }) =>
      share(token, async () => {
        const chat = await findChat(token, number);
        const { hits, next } = await searchMessages(chat.id, query);
        return {
          body: hits.map(({ highlights, ...hit }) => ({ ...toMessage(token, number, hit), highlights })),
          link: next === undefined ? {} : { next: { cursor: next } },
        };
      }),
    mountOptions,
  );

  mount(
    router,
    routes.getMessage,
    async ({ params: { token, chat: number, message }, context }) => {
      const chat = await findChat(token, number);
      return { body: toMessage(token, number, await readMessages.find(token, chat, message, context.logger)) };
    },
    mountOptions,
  );
  return router;
}
