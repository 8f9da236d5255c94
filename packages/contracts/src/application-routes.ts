import { z } from "zod";
import { applicationSchema, createApplicationSchema, writeApplicationSchema } from "./application.ts";
import { eraseSenderSchema, erasureSchema } from "./erasure.ts";
import { searchHitSchema } from "./message.ts";
import { applicationSearchQuerySchema, applicationsQuerySchema } from "./pagination.ts";
import { asPut, smallBody, reading, searching, storing, type Route } from "./route.ts";

const updateApplication = {
  method: "patch",
  path: "/applications/{token}",
  operationId: "updateApplication",
  service: "api",
  tag: "Applications",
  summary: "Change an application",
  description:
    "Changes the name of an application, or after how many days its messages are deleted, or both; a field that is absent stays. A worker deletes the messages that are over a new limit, which cannot be undone. A repetition changes nothing else.",
  scopes: ["admin"],
  params: ["token"],
  body: { schema: writeApplicationSchema, required: true, limitBytes: smallBody },
  limited: "requests",
  success: { status: 200, description: "The application after the change", schema: applicationSchema },
  problems: ["application-not-found", ...storing],
} as const satisfies Route;

/** Applications: create, list, get, change, delete, erase a sender, search. */
export const applicationRoutes = {
  createApplication: {
    method: "post",
    path: "/applications",
    operationId: "createApplication",
    service: "api",
    tag: "Applications",
    summary: "Create an application",
    description:
      "Returns the application and its token. Where keys are not required, the token grants access to everything in the application, so keep it secret. Where they are, an admin key creates the first key. If no admin key is configured, an Idempotency-Key must be a random UUID (version 4), because anyone who sends the same key and name receives the same token.",
    guard: "installation",
    scopes: ["admin"],
    params: [],
    body: { schema: createApplicationSchema, required: true, limitBytes: smallBody },
    idempotent: true,
    success: { status: 201, description: "The application and its token", schema: applicationSchema, location: true },
    problems: ["idempotency-conflict", ...storing],
  },
  listApplications: {
    method: "get",
    path: "/applications",
    operationId: "listApplications",
    service: "api",
    tag: "Applications",
    summary: "List applications, oldest first",
    description: "Returns one page of all applications. Follow the Link header until it has no next page.",
    guard: "installation",
    scopes: ["admin"],
    params: [],
    query: applicationsQuerySchema,
    success: { status: 200, description: "One page", schema: z.array(applicationSchema), links: ["next"] },
    problems: ["validation-failed", ...reading],
  },
  getApplication: {
    method: "get",
    path: "/applications/{token}",
    operationId: "getApplication",
    service: "api",
    tag: "Applications",
    summary: "Get an application",
    description: "Returns the name of an application, the number of its chats, and how long it keeps messages.",
    scopes: ["read"],
    params: ["token"],
    limited: "requests",
    success: { status: 200, description: "The application", schema: applicationSchema },
    problems: ["application-not-found", ...reading],
  },
  updateApplication,
  replaceApplication: asPut(updateApplication, "replaceApplication"),
  deleteApplication: {
    method: "delete",
    path: "/applications/{token}",
    operationId: "deleteApplication",
    service: "api",
    tag: "Applications",
    summary: "Delete an application and erase everything in it",
    description:
      "From the answer on, no route knows the token any more. Messages that were accepted and not stored yet are dropped. A worker then erases the chats, messages and search documents from all stores, which takes minutes. This cannot be undone.",
    scopes: ["admin"],
    params: ["token"],
    limited: "requests",
    success: { status: 204, description: "The application is deleted" },
    problems: ["application-not-found", "outcome-unknown", ...reading],
  },
  eraseSender: {
    method: "post",
    path: "/applications/{token}/erasures",
    operationId: "eraseSender",
    service: "api",
    tag: "Applications",
    summary: "Erase everything that a sender wrote",
    description:
      "A worker deletes every message of the sender in all chats of the application, as deleting each of them would: its number stays, and lists show it without content. The tombstones do not name the sender. It also deletes the sender's read horizons. Messages that were created after the request stay. A repetition finds nothing more.",
    scopes: ["admin"],
    params: ["token"],
    body: { schema: eraseSenderSchema, required: true, limitBytes: smallBody },
    limited: "requests",
    success: {
      status: 202,
      description: "The erasure is recorded, and a worker carries it out",
      schema: erasureSchema,
    },
    problems: ["application-not-found", ...storing],
  },
  searchApplication: {
    method: "get",
    path: "/applications/{token}/search",
    operationId: "searchApplication",
    service: "api",
    tag: "Applications",
    summary: "Search the messages of all chats",
    description:
      "Returns one page of messages of any chat of the application that contain every word of the query, with the matches marked. The message with the latest `created_at` comes first. Within one millisecond, the higher chat number comes first, and in a chat the higher message number. `order=relevance` compares first how the words of the query occur. With `chat`, `sender`, `from` or `to`, only messages of these chats, of that sender or of that time. A message becomes searchable about a second after it was accepted.",
    scopes: ["search"],
    params: ["token"],
    query: applicationSearchQuerySchema,
    limited: "requests",
    success: { status: 200, description: "One page of hits", schema: z.array(searchHitSchema), links: ["next"] },
    problems: searching,
  },
} as const satisfies Record<string, Route>;
