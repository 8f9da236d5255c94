import { expectUser, openChats } from "@confab/access";
import { routes } from "@confab/contracts";
import type { Horizons } from "@confab/database";
import { createRouter, mount, type MountOptions } from "@confab/http";
import type { Router } from "express";
import { toReadHorizon, toReadState, toUnreadChat } from "../representations.ts";
import type { FindChat } from "../reading/find-chat.ts";
import type { ReadHorizons } from "../reading/read-horizons.ts";
import { expectApplication } from "../reading/expect-application.ts";
import { decodeActivity, encodeActivity } from "./activity-cursor.ts";

export interface ReadRoutesOptions {
  readonly findChat: FindChat;
  readonly readHorizons: ReadHorizons;
  readonly horizons: Pick<Horizons, "list" | "unreadChats">;
  readonly mountOptions: MountOptions;
}

/** Creates the routes of read horizons (set, get, list) and of the chats with unread messages. */
export function createReadRoutes({ findChat, readHorizons, horizons, mountOptions }: ReadRoutesOptions): Router {
  const router = createRouter();

  mount(
    router,
    routes.setReadHorizon,
    async ({ params: { token, chat: number, reader }, body, context: { principal, logger }, inShare }) => {
      expectUser(principal, reader, "the reader");
      const { id, lastNumbering } = await findChat(token, number);
      const chat = { token, number, id, lastNumbering };
      return { body: toReadState(await readHorizons.set(chat, reader, body.number, { logger, inShare })) };
    },
    mountOptions,
  );

  mount(
    router,
    routes.getReadHorizon,
    async ({ params: { token, chat: number, reader }, context: { logger }, inShare }) => {
      const { id } = await findChat(token, number);
      return { body: toReadState(await readHorizons.find({ token, number, id }, reader, { logger, inShare })) };
    },
    mountOptions,
  );

  mount(
    router,
    routes.listReadHorizons,
    async ({ params: { token, chat }, query }) => {
      const { id } = await findChat(token, chat);
      const { items, next } = await horizons.list(id, query);
      return { body: items.map(toReadHorizon), link: next === undefined ? {} : { next: { after: next } } };
    },
    mountOptions,
  );

  mount(
    router,
    routes.listUnreadChats,
    async ({ params: { token }, query: { reader, limit, cursor }, context: { principal } }) => {
      expectUser(principal, reader, "the reader");
      const after = cursor === undefined ? undefined : decodeActivity(cursor);
      // A cursor names a chat, too, so the query itself must exclude the chats that are closed to the user.
      const chats = openChats(principal, routes.listUnreadChats.scopes);
      const { items, next } = expectApplication(await horizons.unreadChats(token, reader, { after, limit, chats }));
      return {
        body: items.map(toUnreadChat),
        link: next === undefined ? {} : { next: { cursor: encodeActivity(next) } },
      };
    },
    mountOptions,
  );
  return router;
}
