import { z } from "zod";
import { chatSchema, createChatSchema, writeChatSchema } from "./chat.ts";
import { chatsQuerySchema, readsQuerySchema, unreadQuerySchema } from "./pagination.ts";
import { readHorizonSchema, readStateSchema, unreadChatSchema, writeReadHorizonSchema } from "./reads.ts";
import { asPut, kibibyte, smallBody, reading, storing, type Route } from "./route.ts";

/** Metadata may arrive with white space and escapes. */
const chatBody = 128 * kibibyte;
const updateChat = {
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
} as const satisfies Route;

/** Chats: create, list, get, change, delete; read horizons. */
export const chatRoutes = {
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
  updateChat,
  replaceChat: asPut(updateChat, "replaceChat"),
  deleteChat: {
    method: "delete",
    path: "/applications/{token}/chats/{chat}",
    operationId: "deleteChat",
    service: "api",
    tag: "Chats",
    summary: "Delete a chat and erase everything in it",
    description:
      "From the answer on, no route knows the chat any more, and its number is never used again. Messages that were accepted and not stored yet are dropped. A worker then erases the messages and search documents from all stores, which takes minutes. This cannot be undone.",
    params: ["token", "chat"],
    limited: "requests",
    success: { status: 204, description: "The chat is deleted" },
    problems: ["application-not-found", "chat-not-found", "outcome-unknown", ...reading],
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
} as const satisfies Record<string, Route>;
