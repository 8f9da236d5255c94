import { expectChats, mayUse, type Principal } from "@confab/access";
import {
  applicationTokenSchema,
  pathFiller,
  ProblemError,
  routes,
  type BatchItem,
  type CreateMessage,
} from "@confab/contracts";
import { createRouter, mount, type MountOptions, type RequestContext, type RouteHandler } from "@confab/http";
import { shortToken } from "@confab/runtime";
import type { Router } from "express";
import type { AcceptBatch } from "../use-cases/accept-batch.ts";
import type { AcceptedItem, AcceptRuns, Origin } from "../use-cases/accept-runs.ts";

export interface MessageRoutesOptions {
  readonly acceptRuns: AcceptRuns;
  readonly acceptBatch: AcceptBatch;
  /** Returns the headers that show how much of its limit an application has left. */
  readonly limitHeaders: (limit: AcceptedItem["limit"]) => Record<string, string>;
  readonly mountOptions: MountOptions;
}

const pathOf = pathFiller(routes.getMessage.path);

/** Creates the handler of POST /messages. */
export function createSendMessage({
  acceptRuns,
  limitHeaders,
}: Pick<MessageRoutesOptions, "acceptRuns" | "limitHeaders">): RouteHandler<typeof routes.createMessage> {
  return async ({ body, idempotencyKey, context }) => {
    context.logFields = { application: shortToken(body.application_token), chat: body.chat_number };
    const item = { ...sentBy(context.principal, body), idempotency_key: idempotencyKey };
    const [[outcome] = []] = await acceptRuns([[item]], originOf(context));
    if (outcome instanceof ProblemError) throw outcome;
    const { message, limit, replayed } = outcome!;
    const params = { token: message.application_token, chat: message.chat_number, message: message.number };
    return {
      body: message,
      location: pathOf(params),
      replayed,
      headers: limitHeaders(limit),
    };
  };
}

/** Creates the router of POST /messages and POST /messages/batch. */
export function createMessageRoutes({
  acceptRuns,
  acceptBatch,
  limitHeaders,
  mountOptions,
}: MessageRoutesOptions): Router {
  const router = createRouter();

  mount(router, routes.createMessage, createSendMessage({ acceptRuns, limitHeaders }), mountOptions);

  mount(
    router,
    routes.createMessages,
    async ({ body, idempotencyKey, context }) => {
      context.logFields = logFieldsOf(body.messages);
      const items = itemsSentBy(context.principal, body.messages);
      const { answer, replayed, limit } = await acceptBatch(items, { ...originOf(context), idempotencyKey });
      context.logFields = { ...context.logFields, accepted: answer.accepted, refused: answer.refused };
      return { body: answer, replayed, headers: limitHeaders(limit) };
    },
    mountOptions,
  );
  return router;
}

function originOf({ requestId, traceparent, principal }: RequestContext): Origin {
  return { requestId, traceparent, user: principal?.user?.id };
}

/** Returns the items as the principal sends them. Items that it may not send become problems that give the reason. */
function itemsSentBy(
  principal: Principal | undefined,
  items: readonly (BatchItem | ProblemError)[],
): readonly (BatchItem | ProblemError)[] {
  if (principal === undefined) return items;
  return items.map((item) => {
    if (item instanceof ProblemError) return item;
    try {
      return sentBy(principal, item);
    } catch (error) {
      if (error instanceof ProblemError) return error;
      throw error;
    }
  });
}

/**
 * Returns a message as the principal sends it: if the principal has a user, the user is the sender. Throws a problem if
 * the principal may not send it. For a key of another application, this application does not exist.
 */
function sentBy<Item extends CreateMessage & Pick<BatchItem, "created_at">>(
  principal: Principal | undefined,
  item: Item,
): Item {
  if (!mayUse(principal, item.application_token)) throw new ProblemError("application-not-found");
  if (item.created_at && principal?.scopes.has("import") === false) {
    throw new ProblemError("forbidden", {
      detail:
        "The field created_at needs a key with the scope import. Send the message without it, or with such a key.",
    });
  }
  if (principal?.user === undefined) return item;
  expectChats(principal, routes.createMessage.scopes, [item.chat_number]);
  const { id } = principal.user;
  if ((item.sender ?? id) === id) return { ...item, sender: id };
  throw new ProblemError("forbidden", {
    detail: "With a user token, the sender must be its user (the claim sub), or be absent.",
  });
}

/** Returns fields for the log: the number of messages, and their application and chat if all messages have the same. */
function logFieldsOf(items: readonly unknown[]): Record<string, string | number> {
  const token = commonField(items, "application_token");
  if (!applicationTokenSchema.safeParse(token).success) return { messages: items.length };
  const chat = commonField(items, "chat_number");
  return {
    messages: items.length,
    application: shortToken(String(token)),
    ...(Number.isSafeInteger(chat) && { chat: Number(chat) }),
  };
}

/** Returns the value of a field if it is the same in all items, or undefined otherwise. */
function commonField(items: readonly unknown[], name: string): unknown {
  const value = fieldOf(items[0], name);
  return items.every((item) => fieldOf(item, name) === value) ? value : undefined;
}

function fieldOf(item: unknown, name: string): unknown {
  return typeof item === "object" && item !== null ? (item as Record<string, unknown>)[name] : undefined;
}
