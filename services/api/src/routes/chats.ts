import { fillPath, ProblemError, routes } from "@confab/contracts";
import type { Chats } from "@confab/database";
import { mount, type MountOptions, type RouteHandler } from "@confab/http";
import { Router } from "express";
import { toChat } from "../representations.ts";
import { pageBefore } from "../use-cases/page-before.ts";
import type { FindChat } from "../use-cases/find-chat.ts";
import { requestHash } from "./request-hash.ts";

export interface ChatRoutesOptions {
  chats: Chats;
  findChat: FindChat;
  mountOptions: MountOptions;
}

/** Chats of an application: create, list, get, rename. */
export function createChatRoutes({ chats, findChat, mountOptions }: ChatRoutesOptions): Router {
  const router = Router();

  mount(
    router,
    routes.createChat,
    async ({ params: { token }, body, idempotencyKey }) => {
      const name = body?.name ?? null;
      const idempotency =
        idempotencyKey === undefined ? undefined : { key: idempotencyKey, requestHash: requestHash({ name }) };
      const created = await chats.create({ token, name, idempotency });
      if (!created) throw new ProblemError("application-not-found");
      return { body: toChat(token, created), location: fillPath(routes.getChat.path, { token, chat: created.number }) };
    },
    mountOptions,
  );

  mount(
    router,
    routes.listChats,
    async ({ params: { token }, query: { after, limit } }) => {
      const page = await chats.list(token, { after, limit });
      if (!page) throw new ProblemError("application-not-found");
      const [first] = page.items;
      return {
        body: page.items.map((chat) => toChat(token, chat)),
        link: {
          next: page.next === undefined ? undefined : { after: page.next },
          prev: after !== undefined && first ? pageBefore(first.number, limit) : undefined,
        },
      };
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
