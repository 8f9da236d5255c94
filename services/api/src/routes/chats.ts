import { fillPath, ProblemError, routes, type PageLinks } from "@confab/contracts";
import type { Chat, Chats } from "@confab/database";
import { createRouter, mount, type MountOptions, type RouteHandler } from "@confab/http";
import type { Router } from "express";
import { toChat } from "../representations.ts";
import type { FindChat } from "../use-cases/find-chat.ts";
import { requestHash } from "./request-hash.ts";

export interface ChatRoutesOptions {
  chats: Chats;
  findChat: FindChat;
  mountOptions: MountOptions;
}

/** Chats of an application: create, list, get, rename. */
export function createChatRoutes({ chats, findChat, mountOptions }: ChatRoutesOptions): Router {
  const router = createRouter();

  mount(
    router,
    routes.createChat,
    async ({ params: { token }, body, idempotencyKey }) => {
      const name = body?.name ?? null;
      const idempotency =
        idempotencyKey === undefined ? undefined : { key: idempotencyKey, requestHash: requestHash({ name }) };
      const created = await chats.create({ token, name, idempotency });
      if (!created) throw new ProblemError("application-not-found");
      return {
        body: toChat(token, created),
        location: fillPath(routes.getChat.path, { token, chat: created.number }),
        replayed: created.replayed,
      };
    },
    mountOptions,
  );

  mount(
    router,
    routes.listChats,
    async ({ params: { token }, query }) => {
      const page = await chats.list(token, query);
      if (!page) throw new ProblemError("application-not-found");
      return { body: page.items.map((chat) => toChat(token, chat)), link: linksOf(page, query) };
    },
    mountOptions,
  );

  mount(
    router,
    routes.getChat,
    async ({ params: { token, chat } }) => ({ body: toChat(token, await findChat(token, chat)) }),
    mountOptions,
  );

  const rename: RouteHandler<typeof routes.updateChat> & RouteHandler<typeof routes.replaceChat> = async ({
    params: { token, chat },
    body,
  }) => {
    const renamed = await chats.rename(token, chat, body.name);
    return { body: toChat(token, renamed ?? (await findChat(token, chat))) };
  };
  mount(router, routes.updateChat, rename, mountOptions);
  mount(router, routes.replaceChat, rename, mountOptions);
  return router;
}

/** The pages beside one; an empty page leads back to where there are chats. */
function linksOf(
  { items, more, last }: { items: Chat[]; more: boolean; last: number },
  { after = 0, before }: { after?: number | undefined; before?: number | undefined },
): PageLinks {
  if (last === 0) return {};
  const isDown = before !== undefined;
  const lowest = items[0]?.number ?? (isDown ? 1 : after + 1);
  const highest = items.at(-1)?.number ?? (isDown ? Math.max(0, before - 1) : last);
  return {
    prev: (isDown ? more : lowest > 1) ? { before: lowest, after: undefined } : undefined,
    next: (isDown ? highest < last : more) ? { after: highest, before: undefined } : undefined,
  };
}
