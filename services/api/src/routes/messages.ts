import { ProblemError, routes, streamPositionSchema } from "@confab/contracts";
import type { MessageChanges } from "@confab/database";
import { createRouter, mount, mountStream, type MountOptions, type RouteHandler } from "@confab/http";
import type { FairShare } from "@confab/runtime";
import type { Router } from "express";
import { toHit, toMessage, toVersion } from "../representations.ts";
import type { Position } from "../stream/pages.ts";
import type { Streams } from "../stream/streams.ts";
import type { ChangeMessage } from "../use-cases/change-message.ts";
import type { FindChat } from "../use-cases/find-chat.ts";
import type { ReadMessages } from "../use-cases/read-messages.ts";
import type { SearchMessages } from "../use-cases/search-messages.ts";

export interface MessageRoutesOptions {
  findChat: FindChat;
  readMessages: ReadMessages;
  changeMessage: ChangeMessage;
  changes: Pick<MessageChanges, "versions" | "after">;
  streams: Pick<Streams, "follow">;
  searchMessages: SearchMessages;
  /** Runs slow work, so that one application leaves the others their share of the database. */
  share: FairShare;
  mountOptions: MountOptions;
}

/** Messages of a chat: list, get, search, edit, delete. */
export function createMessageRoutes(options: MessageRoutesOptions): Router {
  const { findChat, readMessages, changeMessage, changes, streams, searchMessages, share, mountOptions } = options;
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

  mountStream(
    router,
    routes.streamMessages,
    async ({ params, query, lastEventId, context, watchAccess, start }) => {
      const { token, chat: number } = params;
      const given = readPosition(lastEventId ?? query.after);
      const chat = await findChat(token, number);
      const position = given ?? {
        number: await readMessages.lastNumber(token, chat, context.logger),
        change: chat.lastChangeNumber,
      };
      await streams.follow({ token, chat, position, logger: context.logger, watchAccess, start });
    },
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
          body: hits.map((hit) => toHit(token, number, hit)),
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
      const found = await readMessages.find(token, chat, message, context.logger);
      return { body: toMessage(token, number, found), version: found.version };
    },
    mountOptions,
  );

  const edit: RouteHandler<typeof routes.updateMessage> & RouteHandler<typeof routes.replaceMessage> = async ({
    params: { token, chat: number, message },
    body,
    versions,
  }) => {
    const { id } = await findChat(token, number);
    const changed = await changeMessage.edit({ token, number, id }, message, body, versions);
    return { body: toMessage(token, number, changed), version: changed.version };
  };
  mount(router, routes.updateMessage, edit, mountOptions);
  mount(router, routes.replaceMessage, edit, mountOptions);

  mount(
    router,
    routes.deleteMessage,
    async ({ params: { token, chat: number, message }, versions }) => {
      const { id } = await findChat(token, number);
      await changeMessage.remove({ token, number, id }, message, versions);
      return { body: undefined };
    },
    mountOptions,
  );

  mount(
    router,
    routes.listMessageVersions,
    async ({ params: { token, chat: number, message }, context }) => {
      const chat = await findChat(token, number);
      const earlier = await changes.versions(chat.id, message);
      // Read last: a message that is deleted meanwhile answers 410.
      await readMessages.find(token, chat, message, context.logger);
      return { body: earlier.map(toVersion) };
    },
    mountOptions,
  );

  mount(
    router,
    routes.listChanges,
    ({ params: { token, chat: number }, query: { after, limit } }) =>
      share(token, async () => {
        const { id } = await findChat(token, number);
        const { items, next } = await changes.after(id, after, limit);
        return {
          body: items.map((message) => toMessage(token, number, message)),
          link: next === undefined ? {} : { next: { after: next } },
        };
      }),
    mountOptions,
  );
  return router;
}

/** The position of an event's id; undefined if none is given. A browser sends back what it received, so a bad header is a bug. */
function readPosition(id: string | undefined): Position | undefined {
  if (id === undefined) return undefined;
  if (!streamPositionSchema.safeParse(id).success) {
    throw new ProblemError("validation-failed", {
      errors: [{ pointer: "Last-Event-ID", detail: "must be the id of an event of this stream" }],
    });
  }
  const [number, change = "0"] = id.split("-");
  return { number: Number(number), change: Number(change) };
}
