import { expectUser } from "@confab/access";
import { routes, type MessagesQuery } from "@confab/contracts";
import type { MessageChanges } from "@confab/database";
import { createRouter, mount, type MountOptions, type RequestContext, type RouteHandler } from "@confab/http";
import type { Router } from "express";
import { tagOf, toHit, toMessage, toVersion } from "../representations.ts";
import type { ChatLookups } from "../stream/chat-lookups.ts";
import type { CoalescedReads } from "../stream/coalesced-reads.ts";
import type { Waits } from "../stream/waits.ts";
import type { ChangeMessage, ChangeTerms } from "../changing/change-message.ts";
import type { ReadUpTo } from "../reading/continue-at.ts";
import type { FindChat } from "../reading/find-chat.ts";
import type { ListMessages } from "../reading/list-messages.ts";
import type { ReadMessages } from "../reading/read-messages.ts";
import type { SearchMessages } from "../searching/search-messages.ts";
import { linksOf, placeOf, withNumbering } from "./page-links.ts";

export interface MessageRoutesOptions {
  readonly findChat: FindChat;
  readonly lookups: Pick<ChatLookups, "find">;
  readonly readMessages: ReadMessages;
  readonly listMessages: ListMessages;
  readonly changeMessage: ChangeMessage;
  readonly changes: Pick<MessageChanges, "versions" | "after">;
  readonly waits: Pick<Waits, "until">;
  readonly coalescedReads: Pick<CoalescedReads, "read">;
  readonly searchMessages: SearchMessages;
  readonly mountOptions: MountOptions;
}

/** Creates the routes of messages: list, get, search, edit, delete. */
export function createMessageRoutes(options: MessageRoutesOptions): Router {
  const { findChat, readMessages, listMessages, changeMessage, changes, waits, searchMessages, mountOptions } = options;
  const { lookups, coalescedReads } = options;
  const router = createRouter();

  mount(
    router,
    routes.listMessages,
    async ({ params: { token, chat: number }, query, context, hold, address, readEncoded }) => {
      const list = async (id: bigint, of: MessagesQuery) => {
        const chat = { token, number, id };
        const { items, more, known, numbering } = await listMessages(chat, placeOf(of), anchorOf(of), context.logger);
        const numbers = items.map((message) => message.number);
        const shown = of.order === "asc" ? items : items.toReversed();
        return {
          items: shown.map((message) => toMessage(token, number, message)),
          link: withNumbering(linksOf(of, { numbers, more, last: known.last }), of, shown.at(-1)?.number, numbering),
          numbering,
        };
      };
      const wait = async (seconds: number) => {
        // Looks up the chat together with others, because thousands of clients may reconnect at once.
        const { id } = (await lookups.find({ token, number })) ?? (await findChat(token, number));
        const [beganAt, forMs] = [performance.now(), 1_000 * seconds];
        let waiting = query;
        const user = context.principal?.user?.id;
        const followed = { token, number, id };
        return waits.until({ chat: followed, user, address, forMs, left: hold(forMs) }, async () => {
          // Requests that wait for the same messages share one read and its encoded answer.
          const what = JSON.stringify({ ...waiting, wait: undefined });
          const read = () => readEncoded(() => list(id, waiting));
          const reader = { owner: { token, user }, notBefore: beganAt };
          const page = await coalescedReads.read({ chatId: id, what, after: 0 }, read, reader);
          // With the numbering, the next read notices if messages are lost while the request waits.
          if (page.numbering !== 0) waiting = { ...waiting, numbering: page.numbering };
          return page;
        });
      };
      const { items, link } =
        query.wait === undefined ? await list((await findChat(token, number)).id, query) : await wait(query.wait);
      return { body: items, link };
    },
    mountOptions,
  );

  mount(
    router,
    routes.searchMessages,
    async ({ params: { token, chat: number }, query, left }) => {
      const chat = await findChat(token, number);
      const { hits, next } = await searchMessages(chat.id, { ...query, signal: left() });
      return {
        body: hits.map((hit) => toHit(token, number, hit)),
        link: next === undefined ? {} : { next: { cursor: next } },
      };
    },
    mountOptions,
  );

  mount(
    router,
    routes.getMessage,
    async ({ params: { token, chat: number, message }, context }) => {
      const chat = await findChat(token, number);
      const found = await readMessages.find(token, chat, message, context.logger);
      return { body: toMessage(token, number, found), tag: tagOf(found) };
    },
    mountOptions,
  );

  const edit: RouteHandler<typeof routes.updateMessage> & RouteHandler<typeof routes.replaceMessage> = async ({
    params: { token, chat: number, message },
    body,
    tags,
    context,
    inShare,
  }) => {
    const { id } = await findChat(token, number);
    const terms = { tags, inShare, expectSender: senderCheck(context) };
    const changed = await changeMessage.edit({ token, number, id }, message, body, terms);
    return { body: toMessage(token, number, changed), tag: tagOf(changed) };
  };
  mount(router, routes.updateMessage, edit, mountOptions);
  mount(router, routes.replaceMessage, edit, mountOptions);

  mount(
    router,
    routes.deleteMessage,
    async ({ params: { token, chat: number, message }, tags, context, inShare }) => {
      const { id } = await findChat(token, number);
      const terms = { tags, inShare, expectSender: senderCheck(context) };
      await changeMessage.remove({ token, number, id }, message, terms);
      return { body: undefined };
    },
    mountOptions,
  );

  mount(
    router,
    routes.listMessageVersions,
    async ({ params: { token, chat: number, message }, query, context }) => {
      const chat = await findChat(token, number);
      const { items, next } = await changes.versions({ chatId: chat.id, number: message }, query);
      // The message is read last, so that the request answers 410 if the message is deleted meanwhile.
      await readMessages.find(token, chat, message, context.logger);
      return { body: items.map(toVersion), link: next === undefined ? {} : { next: { after: next } } };
    },
    mountOptions,
  );

  mount(
    router,
    routes.listChanges,
    async ({ params: { token, chat: number }, query: { after, limit } }) => {
      const { id } = await findChat(token, number);
      const { items, next } = await changes.after(id, after, limit);
      return {
        body: items.map((message) => toMessage(token, number, message)),
        link: next === undefined ? {} : { next: { after: next } },
      };
    },
    mountOptions,
  );
  return router;
}

/**
 * Returns the number after which a client continues, with its numbering. Returns undefined if the client does not
 * continue after a number.
 */
function anchorOf({ after, before, numbering = 0 }: MessagesQuery): ReadUpTo | undefined {
  return after === undefined || before !== undefined ? undefined : { number: after, numbering };
}

function senderCheck({ principal }: RequestContext): ChangeTerms["expectSender"] {
  return (sender) => {
    expectUser(principal, sender, "the sender of the message");
  };
}
