import { z } from "zod";
import { applicationSchema, applicationTokenSchema, writeApplicationSchema } from "./application.ts";
import { asInteger, chatSchema, createChatSchema, maxNumber, writeChatSchema } from "./chat.ts";
import {
  batchAnswerSchema,
  batchItemSchema,
  createBatchSchema,
  createMessageSchema,
  editMessageSchema,
  messageSchema,
  messageVersionSchema,
  searchHitSchema,
} from "./message.ts";
import {
  applicationSearchQuerySchema,
  applicationsQuerySchema,
  changesQuerySchema,
  chatsQuerySchema,
  linkRelations,
  messagesQuerySchema,
  readsQuerySchema,
  searchQuerySchema,
  streamQuerySchema,
  unreadQuerySchema,
  type LinkRelation,
} from "./pagination.ts";
import type { ProblemCode } from "./problems.ts";
import { readerSchema, readHorizonSchema, readStateSchema, unreadChatSchema, writeReadHorizonSchema } from "./reads.ts";

export type Method = "get" | "post" | "put" | "patch" | "delete";

/**
 * The parameters of paths. One that does not parse is answered with the problem in `invalid`: nothing has such a token or number,
 * while any client could have such a reader.
 */
export const pathParameters = {
  token: { schema: applicationTokenSchema, invalid: "application-not-found" },
  chat: { schema: numberInPath("A chat's number in its application"), invalid: "chat-not-found" },
  message: { schema: numberInPath("A message's number in its chat"), invalid: "message-not-found" },
  reader: { schema: readerSchema, invalid: "validation-failed" },
} as const satisfies Record<string, { schema: z.ZodType<string | number, string>; invalid: ProblemCode }>;

export type PathParameter = keyof typeof pathParameters;

function numberInPath(description: string): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^[1-9]\d{0,9}$/)
    .transform(Number)
    .pipe(z.int().max(maxNumber))
    .meta({ override: asInteger(1, maxNumber), description, examples: [1] });
}

/** One row of the API. The same row validates requests and documents them. */
export interface Route {
  method: Method;
  /** With OpenAPI's braces; the names in them are those of `pathParameters`. */
  path: string;
  operationId: string;
  service: "api" | "ingest";
  tag: "Applications" | "Chats" | "Messages";
  summary: string;
  description: string;
  /** Requires the admin key, if one is configured. */
  admin?: boolean;
  params: readonly PathParameter[];
  query?: z.ZodObject;
  body?: {
    schema: z.ZodObject;
    required: boolean;
    limitBytes: number;
    /** Only for batch requests, which may also be NDJSON: the schema of an item and its maximum bytes as JSON. */
    item?: z.ZodObject;
    itemLimitBytes?: number;
  };
  /** The ETag of the resource is its version, and a change takes an If-Match header. */
  versioned?: boolean;
  /** Takes an Idempotency-Key header. */
  idempotent?: boolean;
  /** The unit in which the rate limit of an application counts this route. */
  limited?: "requests" | "messages";
  success: {
    status: 200 | 201 | 204;
    description: string;
    /** Absent with 204. */
    schema?: z.ZodType;
    location?: boolean;
    /** The answer is a stream of server-sent events, which the schema does not describe. */
    stream?: boolean;
    /** The relations that the Link header of a list may have. */
    links?: readonly LinkRelation[];
  };
  problems: readonly ProblemCode[];
}

const kibibyte = 1024;
const smallBody = 16 * kibibyte;
/** Metadata may arrive with white space and escapes. */
const chatBody = 128 * kibibyte;
/** Every byte of a message's body may arrive as an escape of six bytes. */
const messageBody = 512 * kibibyte;
const reading = ["busy", "rate-limited", "storage-unavailable"] as const satisfies readonly ProblemCode[];
const writing = [
  "malformed-json",
  "payload-too-large",
  "unsupported-media-type",
  "validation-failed",
  ...reading,
] as const satisfies readonly ProblemCode[];
/** For routes that write to the database before they answer. */
const storing = [...writing, "outcome-unknown"] as const satisfies readonly ProblemCode[];

const messageProblems = [
  "application-not-found",
  "chat-not-found",
  "message-not-found",
  "message-deleted",
] as const satisfies readonly ProblemCode[];

/** Problems that any request may be answered with, whatever its route. */
export const commonProblems = [
  "malformed-request",
  "unknown-version",
  "request-timeout",
  "expectation-failed",
  "misdirected-request",
  "rate-limited",
  "headers-too-large",
  "internal-error",
  "unknown-transfer-encoding",
  "service-unavailable",
] as const satisfies readonly ProblemCode[];

const sameAsPatch = "The same as PATCH, for clients that send PUT. The answer is the resource after the change.";

export const routes = {
  createApplication: {
    method: "post",
    path: "/applications",
    operationId: "createApplication",
    service: "api",
    tag: "Applications",
    summary: "Create an application",
    description:
      "Returns the application and its token, the secret that grants access to everything in it. If no admin key is configured, an Idempotency-Key must be a random UUID (version 4), because anyone who sends the same key and name receives the same token.",
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
    description: "Returns one page of all applications. Follow the Link header until it has no next page.",
    admin: true,
    params: [],
    query: applicationsQuerySchema,
    success: { status: 200, description: "One page", schema: z.array(applicationSchema), links: ["next"] },
    problems: ["unauthorized", "forbidden", "validation-failed", ...reading],
  },
  getApplication: {
    method: "get",
    path: "/applications/{token}",
    operationId: "getApplication",
    service: "api",
    tag: "Applications",
    summary: "Get an application",
    description: "Returns the name of an application and the number of its chats.",
    params: ["token"],
    limited: "requests",
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
    description: "Changes the name of an application. A repetition changes nothing else.",
    params: ["token"],
    body: { schema: writeApplicationSchema, required: true, limitBytes: smallBody },
    limited: "requests",
    success: { status: 200, description: "The application after the change", schema: applicationSchema },
    problems: ["application-not-found", ...storing],
  },
  replaceApplication: {
    method: "put",
    path: "/applications/{token}",
    operationId: "replaceApplication",
    service: "api",
    tag: "Applications",
    summary: "Rename an application (same as PATCH)",
    description: sameAsPatch,
    params: ["token"],
    body: { schema: writeApplicationSchema, required: true, limitBytes: smallBody },
    limited: "requests",
    success: { status: 200, description: "The application after the change", schema: applicationSchema },
    problems: ["application-not-found", ...storing],
  },
  searchApplication: {
    method: "get",
    path: "/applications/{token}/search",
    operationId: "searchApplication",
    service: "api",
    tag: "Applications",
    summary: "Search the messages of all chats, newest first",
    description:
      "Returns one page of messages of any chat of the application that contain every word of the query, with the matches marked. The message with the latest `created_at` comes first. Within one millisecond, the higher chat number comes first, and in a chat the higher message number. With `chat`, `sender`, `from` or `to`, only messages of these chats, of that sender or of that time. A message becomes searchable about a second after it was accepted.",
    params: ["token"],
    query: applicationSearchQuerySchema,
    limited: "requests",
    success: { status: 200, description: "One page of hits", schema: z.array(searchHitSchema), links: ["next"] },
    problems: [
      "application-not-found",
      "chat-not-found",
      "validation-failed",
      "search-unavailable",
      "service-unavailable",
      ...reading,
    ],
  },
  createChat: {
    method: "post",
    path: "/applications/{token}/chats",
    operationId: "createChat",
    service: "api",
    tag: "Chats",
    summary: "Create a chat",
    description:
      "The chat gets the next number of its application. No body is needed; a name and metadata are optional.",
    params: ["token"],
    body: { schema: createChatSchema, required: false, limitBytes: chatBody },
    idempotent: true,
    limited: "requests",
    success: { status: 201, description: "The chat and its number", schema: chatSchema, location: true },
    problems: ["application-not-found", "idempotency-conflict", ...storing],
  },
  listChats: {
    method: "get",
    path: "/applications/{token}/chats",
    operationId: "listChats",
    service: "api",
    tag: "Chats",
    summary: "List an application's chats by number or by activity",
    description:
      "Returns one page of chats in ascending order. `after` and `before` name the page right after or right before a number. With `order=activity`, the chat with the latest stored message comes first; a chat that receives a message while you read moves to the front.",
    params: ["token"],
    query: chatsQuerySchema,
    limited: "requests",
    success: { status: 200, description: "One page", schema: z.array(chatSchema), links: ["prev", "next"] },
    problems: ["application-not-found", "validation-failed", ...reading],
  },
  getChat: {
    method: "get",
    path: "/applications/{token}/chats/{chat}",
    operationId: "getChat",
    service: "api",
    tag: "Chats",
    summary: "Get a chat",
    description: "Returns the name and the metadata of a chat, and how many messages are stored.",
    params: ["token", "chat"],
    limited: "requests",
    success: { status: 200, description: "The chat", schema: chatSchema },
    problems: ["application-not-found", "chat-not-found", ...reading],
  },
  updateChat: {
    method: "patch",
    path: "/applications/{token}/chats/{chat}",
    operationId: "updateChat",
    service: "api",
    tag: "Chats",
    summary: "Change a chat",
    description:
      "Changes the name or the metadata of a chat, or both; null removes a value, and a field that is absent stays. A repetition changes nothing else.",
    params: ["token", "chat"],
    body: { schema: writeChatSchema, required: true, limitBytes: chatBody },
    limited: "requests",
    success: { status: 200, description: "The chat after the change", schema: chatSchema },
    problems: ["application-not-found", "chat-not-found", ...storing],
  },
  replaceChat: {
    method: "put",
    path: "/applications/{token}/chats/{chat}",
    operationId: "replaceChat",
    service: "api",
    tag: "Chats",
    summary: "Change a chat (same as PATCH)",
    description: sameAsPatch,
    params: ["token", "chat"],
    body: { schema: writeChatSchema, required: true, limitBytes: chatBody },
    limited: "requests",
    success: { status: 200, description: "The chat after the change", schema: chatSchema },
    problems: ["application-not-found", "chat-not-found", ...storing],
  },
  setReadHorizon: {
    method: "put",
    path: "/applications/{token}/chats/{chat}/reads/{reader}",
    operationId: "setReadHorizon",
    service: "api",
    tag: "Chats",
    summary: "Set how far a reader has read a chat",
    description:
      "Moves the read horizon of a reader forward to a number, at most the chat's last number. It never moves back: a lower number changes nothing, and the answer has the current horizon.",
    params: ["token", "chat", "reader"],
    body: { schema: writeReadHorizonSchema, required: true, limitBytes: smallBody },
    limited: "requests",
    success: { status: 200, description: "The horizon after the change", schema: readStateSchema },
    problems: ["application-not-found", "chat-not-found", "service-unavailable", ...storing],
  },
  getReadHorizon: {
    method: "get",
    path: "/applications/{token}/chats/{chat}/reads/{reader}",
    operationId: "getReadHorizon",
    service: "api",
    tag: "Chats",
    summary: "Get how far a reader has read a chat",
    description:
      "Returns the read horizon of a reader, 0 if there is none, and how many messages above it are unread, stored or not. While Redis is unavailable, only stored messages count.",
    params: ["token", "chat", "reader"],
    limited: "requests",
    success: { status: 200, description: "The horizon and the unread count", schema: readStateSchema },
    problems: ["application-not-found", "chat-not-found", "validation-failed", ...reading],
  },
  listReadHorizons: {
    method: "get",
    path: "/applications/{token}/chats/{chat}/reads",
    operationId: "listReadHorizons",
    service: "api",
    tag: "Chats",
    summary: "List how far the readers of a chat have read",
    description: "Returns one page of the read horizons of a chat, in the order of the readers' code points.",
    params: ["token", "chat"],
    query: readsQuerySchema,
    limited: "requests",
    success: { status: 200, description: "One page", schema: z.array(readHorizonSchema), links: ["next"] },
    problems: ["application-not-found", "chat-not-found", "validation-failed", ...reading],
  },
  listUnreadChats: {
    method: "get",
    path: "/applications/{token}/unread",
    operationId: "listUnreadChats",
    service: "api",
    tag: "Chats",
    summary: "List the chats with unread messages of a reader",
    description:
      "Returns one page of the application's chats that have messages above the reader's horizon, the chat with the latest stored message first. It counts stored messages, so it may lag behind the accepted ones by a second. A page may have fewer entries than `limit`, even none, although there is a next one: follow the Link header until it has no next page.",
    params: ["token"],
    query: unreadQuerySchema,
    limited: "requests",
    success: { status: 200, description: "One page", schema: z.array(unreadChatSchema), links: ["next"] },
    problems: ["application-not-found", "validation-failed", ...reading],
  },
  createMessage: {
    method: "post",
    path: "/messages",
    operationId: "createMessage",
    service: "ingest",
    tag: "Messages",
    summary: "Send a message to a chat",
    description:
      "Numbers the message and accepts it. A 201 means that it is durable and readable at once; it is stored and becomes searchable shortly afterwards. Send an Idempotency-Key so that you can repeat the request safely.",
    params: [],
    body: { schema: createMessageSchema, required: true, limitBytes: messageBody },
    idempotent: true,
    limited: "messages",
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
      "Accepts up to 1,000 messages, of any chats, and returns one result per item in the order of the items. An invalid item does not affect the others. The body may also be NDJSON (application/x-ndjson) with one message per line. An item may have an idempotency_key. For items without one, an Idempotency-Key header stands for the key and the position of the item, so the same body can be repeated safely.",
    params: [],
    body: {
      schema: createBatchSchema,
      item: batchItemSchema,
      required: true,
      limitBytes: 8 * kibibyte * kibibyte,
      itemLimitBytes: messageBody,
    },
    idempotent: true,
    limited: "messages",
    success: { status: 200, description: "One result per item", schema: batchAnswerSchema },
    problems: ["overloaded", "intake-unavailable", ...writing],
  },
  listMessages: {
    method: "get",
    path: "/applications/{token}/chats/{chat}/messages",
    operationId: "listMessages",
    service: "api",
    tag: "Messages",
    summary: "List a chat's messages by number",
    description:
      "Returns one page of messages, stored or not. Without a position it is the first page of the order. `after` and `before` name the page right after or right before a number, and together the numbers in between; `around` names the page with a number in its middle. A page ends at `limit` or where its bodies reach 1 MiB. A reader that continues after the last number misses no message.",
    params: ["token", "chat"],
    query: messagesQuerySchema,
    limited: "requests",
    success: { status: 200, description: "One page", schema: z.array(messageSchema), links: linkRelations },
    problems: ["application-not-found", "chat-not-found", "validation-failed", "service-unavailable", ...reading],
  },
  streamMessages: {
    method: "get",
    path: "/applications/{token}/chats/{chat}/messages/stream",
    operationId: "streamMessages",
    service: "api",
    tag: "Messages",
    summary: "Receive messages and changes as they happen",
    description:
      "A stream of server-sent events: `message`, `edited` and `deleted` with the message as it is now, `gap` with numbers that have no message, `caught-up` when everything before now was sent, and `goodbye` before the stream ends. The id of each event is a position; the stream continues after `Last-Event-ID` or `after`, however old it is, without a hole or a repetition.",
    params: ["token", "chat"],
    query: streamQuerySchema,
    limited: "requests",
    success: { status: 200, description: "A stream of events", stream: true },
    problems: ["application-not-found", "chat-not-found", "validation-failed", "service-unavailable", ...reading],
  },
  searchMessages: {
    method: "get",
    path: "/applications/{token}/chats/{chat}/messages/search",
    operationId: "searchMessages",
    service: "api",
    tag: "Messages",
    summary: "Search a chat's messages, newest first",
    description:
      "Returns one page of messages that contain every word of the query, newest first, with the matches marked. With `sender`, `from` or `to`, only messages of that sender or of that time. A message becomes searchable about a second after it was accepted.",
    params: ["token", "chat"],
    query: searchQuerySchema,
    limited: "requests",
    success: { status: 200, description: "One page of hits", schema: z.array(searchHitSchema), links: ["next"] },
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
    description: "Returns a message, stored or not.",
    params: ["token", "chat", "message"],
    versioned: true,
    limited: "requests",
    success: { status: 200, description: "The message", schema: messageSchema },
    problems: [...messageProblems, "service-unavailable", ...reading],
  },
  updateMessage: {
    method: "patch",
    path: "/applications/{token}/chats/{chat}/messages/{message}",
    operationId: "updateMessage",
    service: "api",
    tag: "Messages",
    summary: "Edit a message",
    description:
      "Replaces the body or the metadata of a message, or both. The change takes the chat's next change number and is searchable shortly afterwards. With If-Match, only the version that it names is changed. A repetition without If-Match changes nothing else.",
    params: ["token", "chat", "message"],
    versioned: true,
    body: { schema: editMessageSchema, required: true, limitBytes: messageBody },
    limited: "requests",
    success: { status: 200, description: "The message after the change", schema: messageSchema },
    problems: [...messageProblems, "version-mismatch", "service-unavailable", ...storing],
  },
  replaceMessage: {
    method: "put",
    path: "/applications/{token}/chats/{chat}/messages/{message}",
    operationId: "replaceMessage",
    service: "api",
    tag: "Messages",
    summary: "Edit a message (same as PATCH)",
    description: sameAsPatch,
    params: ["token", "chat", "message"],
    versioned: true,
    body: { schema: editMessageSchema, required: true, limitBytes: messageBody },
    limited: "requests",
    success: { status: 200, description: "The message after the change", schema: messageSchema },
    problems: [...messageProblems, "version-mismatch", "service-unavailable", ...storing],
  },
  deleteMessage: {
    method: "delete",
    path: "/applications/{token}/chats/{chat}/messages/{message}",
    operationId: "deleteMessage",
    service: "api",
    tag: "Messages",
    summary: "Delete a message",
    description:
      "Removes the body, the metadata and the earlier versions of a message. Its number stays: lists show a message without content, and reading it answers 410. The change takes the chat's next change number. A repetition answers 204 as well.",
    params: ["token", "chat", "message"],
    versioned: true,
    limited: "requests",
    success: { status: 204, description: "The message is deleted" },
    problems: [
      "application-not-found",
      "chat-not-found",
      "message-not-found",
      "version-mismatch",
      "service-unavailable",
      "outcome-unknown",
      ...reading,
    ],
  },
  listMessageVersions: {
    method: "get",
    path: "/applications/{token}/chats/{chat}/messages/{message}/history",
    operationId: "listMessageVersions",
    service: "api",
    tag: "Messages",
    summary: "List the earlier versions of a message",
    description: "Returns what the message was before each edit, oldest first. The current version is not among them.",
    params: ["token", "chat", "message"],
    limited: "requests",
    success: { status: 200, description: "The earlier versions", schema: z.array(messageVersionSchema) },
    problems: [...messageProblems, "service-unavailable", ...reading],
  },
  listChanges: {
    method: "get",
    path: "/applications/{token}/chats/{chat}/changes",
    operationId: "listChanges",
    service: "api",
    tag: "Messages",
    summary: "List the changed messages of a chat by change number",
    description:
      "Returns messages that were edited or deleted after a change number, as they are now, in the order of their last changes. A reader that continues after the last change number misses no change.",
    params: ["token", "chat"],
    query: changesQuerySchema,
    limited: "requests",
    success: { status: 200, description: "One page", schema: z.array(messageSchema), links: ["next"] },
    problems: ["application-not-found", "chat-not-found", "validation-failed", ...reading],
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

/** A hint that a 405 adds for clients that post where another chat system accepts messages. */
export const methodHints: readonly { method: string; path: string; hint: string }[] = [
  {
    method: "POST",
    path: "/applications/{token}/chats/{chat}/messages",
    hint: "Send messages to POST /messages with application_token, chat_number and body.",
  },
];

/** Whether answers have an ETag: those with a single resource. */
export function hasTag({ method, success, versioned }: Route): boolean {
  return success.schema !== undefined && (versioned === true || (method === "get" && success.links === undefined));
}

/** A route's path as Express writes it: `/applications/:token`. */
export function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** A route's path with its parameters filled in, percent-encoded. */
export function fillPath(path: string, params: Record<string, string | number>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
}
