import { fillPath, routes, type PageLinks } from "@confab/contracts";
import type { Chat, Chats } from "@confab/database";
import { createRouter, mount, type MountOptions, type RouteHandler } from "@confab/http";
import type { Router } from "express";
import { toChat } from "../representations.ts";
import type { Erase } from "../changing/erase.ts";
import { expectApplication } from "../reading/expect-application.ts";
import type { FindChat } from "../reading/find-chat.ts";
import { actorOf } from "./actor.ts";
import { decodeActivity, encodeActivity } from "./activity-cursor.ts";
import { requestHash } from "./request-hash.ts";

export interface ChatRoutesOptions {
  readonly chats: Chats;
  readonly erase: Pick<Erase, "chat">;
  readonly findChat: FindChat;
  readonly mountOptions: MountOptions;
}

/** Creates the routes of chats: create, list, get, change, delete. */
export function createChatRoutes({ chats, erase, findChat, mountOptions }: ChatRoutesOptions): Router {
  const router = createRouter();

  async function listByActivity(token: string, { cursor, limit }: { cursor?: string | undefined; limit: number }) {
    const page = expectApplication(
      await chats.listByActivity(token, {
        after: cursor === undefined ? undefined : decodeActivity(cursor),
        limit,
      }),
    );
    const link: PageLinks = page.next === undefined ? {} : { next: { cursor: encodeActivity(page.next) } };
    return { body: page.items.map((chat) => toChat(token, chat)), link };
  }

  mount(
    router,
    routes.createChat,
    async ({ params: { token }, body, idempotencyKey }) => {
      const chat = {
        name: body?.name ?? null,
        metadata: body?.metadata ?? null,
        retentionDays: body?.retention_days ?? null,
      };
      const idempotency =
        idempotencyKey === undefined ? undefined : { key: idempotencyKey, requestHash: requestHash(chat) };
      const created = expectApplication(await chats.create({ token, ...chat, idempotency }));
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
      if (query.order === "activity") return listByActivity(token, query);
      const page = expectApplication(await chats.list(token, query));
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

  const change: RouteHandler<typeof routes.updateChat> & RouteHandler<typeof routes.replaceChat> = async ({
    params: { token, chat },
    body,
    context,
  }) => {
    const { name, metadata, retention_days: retentionDays } = body;
    const changed = await chats.change(token, chat, { name, metadata, retentionDays }, actorOf(context, token));
    return { body: toChat(token, changed ?? (await findChat(token, chat))) };
  };
  mount(router, routes.updateChat, change, mountOptions);
  mount(router, routes.replaceChat, change, mountOptions);

  mount(
    router,
    routes.deleteChat,
    async ({ params: { token, chat }, context }) => {
      // `findChat` throws the problem that says what is missing.
      if (!(await erase.chat(token, chat, actorOf(context, token)))) await findChat(token, chat);
      return { body: undefined };
    },
    mountOptions,
  );
  return router;
}

/** Returns links to the neighbouring pages. From an empty page, a link leads back to where there are chats. */
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
