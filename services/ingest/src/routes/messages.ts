import { applicationTokenSchema, fillPath, ProblemError, routes } from "@confab/contracts";
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
      const [outcome] = await acceptRun([{ ...body, idempotency_key: idempotencyKey }], context);
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
      const { answer, replayed, limit } = await acceptBatch(body.messages, { requestId, traceparent, idempotencyKey });
      context.logFields = { ...context.logFields, accepted: answer.accepted, refused: answer.refused };
      return { body: answer, replayed, headers: limitHeaders(limit) };
    },
    mountOptions,
  );
  return router;
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
