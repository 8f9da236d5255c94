import { mayUse, mayUseChat, refusedChat, type Principal } from "@confab/access";
import { applicationTokenSchema, fillPath, ProblemError, routes, type BatchItem } from "@confab/contracts";
import { createRouter, mount, type MountOptions } from "@confab/http";
import { shortToken } from "@confab/runtime";
import type { Router } from "express";
import type { AcceptBatch } from "../use-cases/accept-batch.ts";
import type { AcceptedItem, AcceptRun } from "../use-cases/accept-run.ts";

export interface MessageRoutesOptions {
  acceptRun: AcceptRun;
  acceptBatch: AcceptBatch;
  /** The headers that say how much of its limit an application has left. */
  limitHeaders: (limit: AcceptedItem["limit"]) => Record<string, string>;
  mountOptions: MountOptions;
}

/** POST /messages and POST /messages/batch. */
export function createMessageRoutes({
  acceptRun,
  acceptBatch,
  limitHeaders,
  mountOptions,
}: MessageRoutesOptions): Router {
  const router = createRouter();

  mount(
    router,
    routes.createMessage,
    async ({ body, idempotencyKey, context }) => {
      context.logFields = { application: shortToken(body.application_token), chat: body.chat_number };
      const refusal = refusalOf(body, context.principal);
      if (refusal) throw refusal;
      const sent = { ...body, ...senderOf(body, context.principal), idempotency_key: idempotencyKey };
      const [outcome] = await acceptRun([sent], context);
      if (outcome instanceof ProblemError) throw outcome;
      const { message, limit, replayed } = outcome!;
      const params = { token: message.application_token, chat: message.chat_number, message: message.number };
      return {
        body: message,
        location: fillPath(routes.getMessage.path, params),
        replayed,
        headers: limitHeaders(limit),
      };
    },
    mountOptions,
  );

  mount(
    router,
    routes.createMessages,
    async ({ body, idempotencyKey, context }) => {
      context.logFields = logFieldsOf(body.messages);
      const { requestId, traceparent } = context;
      const items = withoutForeign(body.messages, context.principal);
      const { answer, replayed, limit } = await acceptBatch(items, { requestId, traceparent, idempotencyKey });
      context.logFields = { ...context.logFields, accepted: answer.accepted, refused: answer.refused };
      return { body: answer, replayed, headers: limitHeaders(limit) };
    },
    mountOptions,
  );
  return router;
}

/** The items that the principal may send; the others are refused one by one. */
function withoutForeign(
  items: readonly (BatchItem | ProblemError)[],
  principal: Principal | undefined,
): readonly (BatchItem | ProblemError)[] {
  if (principal?.token === undefined) return items;
  return items.map((item) =>
    item instanceof ProblemError ? item : (refusalOf(item, principal) ?? { ...item, ...senderOf(item, principal) }),
  );
}

/** The problem of a message that the principal may not send. To the key of another application, an application does not exist. */
function refusalOf(
  {
    application_token: token,
    chat_number: chat,
    sender,
  }: Pick<BatchItem, "application_token" | "chat_number" | "sender">,
  principal: Principal | undefined,
): ProblemError | undefined {
  if (!mayUse(principal, token)) return new ProblemError("application-not-found");
  if (principal?.user === undefined) return undefined;
  if (!mayUseChat(principal, routes.createMessage.scopes, chat)) return refusedChat(routes.createMessage.scopes, chat);
  if (sender == null || sender === principal.user.id) return undefined;
  return new ProblemError("forbidden", {
    detail: "With a user token, the sender must be its user (the claim sub), or be absent.",
  });
}

/** A user is the sender of their messages. */
function senderOf({ sender }: Pick<BatchItem, "sender">, principal: Principal | undefined): Pick<BatchItem, "sender"> {
  return principal?.user ? { sender: principal.user.id } : { sender };
}

/** For the log: how many messages, and their application and chat if all have the same. */
function logFieldsOf(items: readonly unknown[]): Record<string, string | number> {
  const [token, ...otherTokens] = new Set(items.map((item) => fieldOf(item, "application_token")));
  const [chat, ...otherChats] = new Set(items.map((item) => fieldOf(item, "chat_number")));
  const isOne = otherTokens.length === 0 && applicationTokenSchema.safeParse(token).success;
  return {
    messages: items.length,
    ...(isOne && { application: shortToken(String(token)) }),
    ...(isOne && otherChats.length === 0 && Number.isSafeInteger(chat) && { chat: Number(chat) }),
  };
}

function fieldOf(item: unknown, name: string): unknown {
  return typeof item === "object" && item !== null ? (item as Record<string, unknown>)[name] : undefined;
}
