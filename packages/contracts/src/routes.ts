import { z } from "zod";
import { applicationSchema, applicationTokenSchema, writeApplicationSchema } from "./application.ts";
import { asInteger, chatSchema, createChatSchema, maxNumber, writeChatSchema } from "./chat.ts";
import {
  batchAnswerSchema,
  batchItemSchema,
  createBatchSchema,
  createMessageSchema,
  messageSchema,
  searchHitSchema,
} from "./message.ts";
import { applicationsQuerySchema, chatsQuerySchema, messagesQuerySchema, searchQuerySchema } from "./pagination.ts";
import type { ProblemCode } from "./problems.ts";

export type Method = "get" | "post" | "put" | "patch";

/** A path parameter that does not parse means that the thing it names does not exist. */
export const pathParameters = {
  token: { schema: applicationTokenSchema, missing: "application-not-found" },
  chat: { schema: numberInPath("A chat's number in its application"), missing: "chat-not-found" },
  message: { schema: numberInPath("A message's number in its chat"), missing: "message-not-found" },
} as const satisfies Record<string, { schema: z.ZodType<string | number, string>; missing: ProblemCode }>;

export type PathParameter = keyof typeof pathParameters;

function numberInPath(description: string): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^[1-9]\d{0,9}$/)
    .transform(Number)
    .pipe(z.int().max(maxNumber))
    .meta({ override: asInteger(1, maxNumber), description, examples: [1] });
}

/** One row of the API: what validates a request is what documents it. */
export interface Route {
  method: Method;
  /** With OpenAPI's braces; the names in them are those of `pathParameters`. */
  path: string;
  operationId: string;
  service: "api" | "ingest";
  tag: "Applications" | "Chats" | "Messages";
  summary: string;
  description?: string;
  /** Guarded by the admin key where one is configured. */
  admin?: boolean;
  params: readonly PathParameter[];
  query?: z.ZodObject;
  body?: {
    schema: z.ZodType;
    required: boolean;
    limitBytes: number;
    /** Of a batch, which may be NDJSON too: what each of its messages must be, and how many bytes it may have as JSON. */
    item?: z.ZodType;
    itemLimitBytes?: number;
  };
  /** Takes an Idempotency-Key header. */
  idempotent?: boolean;
  success: { status: 200 | 201; description: string; schema: z.ZodType; location?: boolean; link?: boolean };
  problems: readonly ProblemCode[];
}

const kibibyte = 1024;
const smallBody = 16 * kibibyte;
/** Every byte of a message's body may arrive as a six-byte escape. */
const messageBody = 512 * kibibyte;
const reading = ["busy", "rate-limited", "storage-unavailable"] as const satisfies readonly ProblemCode[];
const writing = [
  "malformed-json",
  "payload-too-large",
  "unsupported-media-type",
  "validation-failed",
  ...reading,
] as const satisfies readonly ProblemCode[];
/** Of what is written to the database while the client waits. */
const storing = [...writing, "outcome-unknown"] as const satisfies readonly ProblemCode[];

export const routes = {
  createApplication: {
    method: "post",
    path: "/applications",
    operationId: "createApplication",
    service: "api",
    tag: "Applications",
    summary: "Create an application",
    description:
      "Where no admin key is configured, an Idempotency-Key must be a random UUID (version 4): whoever sends the same key and name is given the same application's token.",
    admin: true,
    params: [],
    body: { schema: writeApplicationSchema, required: true, limitBytes: smallBody },
    idempotent: true,
    success: { status: 201, description: "The application and its token", schema: applicationSchema, location: true },
    problems: ["unauthorized", "forbidden", "idempotency-conflict", ...storing],
  },
  listApplications: {
    method: "get",
    path: "/applications",
    operationId: "listApplications",
    service: "api",
    tag: "Applications",
    summary: "List applications, oldest first",
    admin: true,
    params: [],
    query: applicationsQuerySchema,
    success: { status: 200, description: "One page", schema: z.array(applicationSchema), link: true },
    problems: ["unauthorized", "forbidden", "validation-failed", ...reading],
  },
  getApplication: {
    method: "get",
    path: "/applications/{token}",
    operationId: "getApplication",
    service: "api",
    tag: "Applications",
    summary: "Get an application",
    params: ["token"],
    success: { status: 200, description: "The application", schema: applicationSchema },
    problems: ["application-not-found", ...reading],
  },
  updateApplication: {
    method: "patch",
    path: "/applications/{token}",
    operationId: "updateApplication",
    service: "api",
    tag: "Applications",
    summary: "Rename an application",
    params: ["token"],
    body: { schema: writeApplicationSchema, required: true, limitBytes: smallBody },
    success: { status: 200, description: "The application as it is now", schema: applicationSchema },
    problems: ["application-not-found", ...storing],
  },
  replaceApplication: {
    method: "put",
    path: "/applications/{token}",
    operationId: "replaceApplication",
    service: "api",
    tag: "Applications",
    summary: "Rename an application (same as PATCH)",
    params: ["token"],
    body: { schema: writeApplicationSchema, required: true, limitBytes: smallBody },
    success: { status: 200, description: "The application as it is now", schema: applicationSchema },
    problems: ["application-not-found", ...storing],
  },
  createChat: {
    method: "post",
    path: "/applications/{token}/chats",
    operationId: "createChat",
    service: "api",
    tag: "Chats",
    summary: "Create a chat",
    description: "The chat gets the next number of its application. No body is needed; a name may be given.",
    params: ["token"],
    body: { schema: createChatSchema, required: false, limitBytes: smallBody },
    idempotent: true,
    success: { status: 201, description: "The chat and its number", schema: chatSchema, location: true },
    problems: ["application-not-found", "idempotency-conflict", ...storing],
  },
  listChats: {
    method: "get",
    path: "/applications/{token}/chats",
    operationId: "listChats",
    service: "api",
    tag: "Chats",
    summary: "List an application's chats by number",
    params: ["token"],
    query: chatsQuerySchema,
    success: { status: 200, description: "One page", schema: z.array(chatSchema), link: true },
    problems: ["application-not-found", "validation-failed", ...reading],
  },
  getChat: {
    method: "get",
    path: "/applications/{token}/chats/{chat}",
    operationId: "getChat",
    service: "api",
    tag: "Chats",
    summary: "Get a chat",
    params: ["token", "chat"],
    success: { status: 200, description: "The chat", schema: chatSchema },
    problems: ["application-not-found", "chat-not-found", ...reading],
  },
  updateChat: {
    method: "patch",
    path: "/applications/{token}/chats/{chat}",
    operationId: "updateChat",
    service: "api",
    tag: "Chats",
    summary: "Rename a chat",
    params: ["token", "chat"],
    body: { schema: writeChatSchema, required: true, limitBytes: smallBody },
    success: { status: 200, description: "The chat as it is now", schema: chatSchema },
    problems: ["application-not-found", "chat-not-found", ...storing],
  },
  replaceChat: {
    method: "put",
    path: "/applications/{token}/chats/{chat}",
    operationId: "replaceChat",
    service: "api",
    tag: "Chats",
    summary: "Rename a chat (same as PATCH)",
    params: ["token", "chat"],
    body: { schema: writeChatSchema, required: true, limitBytes: smallBody },
    success: { status: 200, description: "The chat as it is now", schema: chatSchema },
    problems: ["application-not-found", "chat-not-found", ...storing],
  },
  createMessage: {
    method: "post",
    path: "/messages",
    operationId: "createMessage",
    service: "ingest",
    tag: "Messages",
    summary: "Send a message to a chat",
    description:
      "A 201 means: numbered, durable and readable at once. The message is stored and becomes searchable shortly after.",
    params: [],
    body: { schema: createMessageSchema, required: true, limitBytes: messageBody },
    idempotent: true,
    success: { status: 201, description: "The message and its number", schema: messageSchema, location: true },
    problems: [
      "application-not-found",
      "chat-not-found",
      "idempotency-conflict",
      "overloaded",
      "intake-unavailable",
      ...writing,
    ],
  },
  createMessages: {
    method: "post",
    path: "/messages/batch",
    operationId: "createMessages",
    service: "ingest",
    tag: "Messages",
    summary: "Send 1 to 1,000 messages",
    description:
      "One result an item, in the order of the items: a bad item costs its neighbours nothing. Each item may carry an idempotency_key. Also as NDJSON (application/x-ndjson), one message a line.",
    params: [],
    body: {
      schema: createBatchSchema,
      item: batchItemSchema,
      required: true,
      limitBytes: 8 * kibibyte * kibibyte,
      itemLimitBytes: messageBody,
    },
    success: { status: 200, description: "What became of each item", schema: batchAnswerSchema },
    problems: ["overloaded", "intake-unavailable", ...writing],
  },
  listMessages: {
    method: "get",
    path: "/applications/{token}/chats/{chat}/messages",
    operationId: "listMessages",
    service: "api",
    tag: "Messages",
    summary: "List a chat's messages by number",
    params: ["token", "chat"],
    query: messagesQuerySchema,
    description:
      "Whoever goes on from the end of a page, at once or later, misses no message. `after` and `before` name the page right after or right before a number. A page ends at `limit` or where its bodies reach 1 MiB.",
    success: { status: 200, description: "One page", schema: z.array(messageSchema), link: true },
    problems: ["application-not-found", "chat-not-found", "validation-failed", "service-unavailable", ...reading],
  },
  searchMessages: {
    method: "get",
    path: "/applications/{token}/chats/{chat}/messages/search",
    operationId: "searchMessages",
    service: "api",
    tag: "Messages",
    summary: "Search a chat's messages, newest first",
    params: ["token", "chat"],
    query: searchQuerySchema,
    success: { status: 200, description: "One page of hits", schema: z.array(searchHitSchema), link: true },
    problems: [
      "application-not-found",
      "chat-not-found",
      "validation-failed",
      "search-unavailable",
      "service-unavailable",
      ...reading,
    ],
  },
  getMessage: {
    method: "get",
    path: "/applications/{token}/chats/{chat}/messages/{message}",
    operationId: "getMessage",
    service: "api",
    tag: "Messages",
    summary: "Get a message",
    params: ["token", "chat", "message"],
    success: { status: 200, description: "The message", schema: messageSchema },
    problems: ["application-not-found", "chat-not-found", "message-not-found", "service-unavailable", ...reading],
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

/** What a 405 adds for those who post where another chat system would take a message. */
export const methodHints: readonly { method: string; path: string; hint: string }[] = [
  {
    method: "POST",
    path: "/applications/{token}/chats/{chat}/messages",
    hint: "Messages are sent to POST /messages with application_token, chat_number and body.",
  },
];

/** A route's path as Express writes it: `/applications/:token`. */
export function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** A route's path with its parameters filled in, percent-encoded. */
export function fillPath(path: string, params: Record<string, string | number>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
}
