import { applicationRoutes } from "./application-routes.ts";
import { chatRoutes } from "./chat-routes.ts";
import { keyRoutes } from "./key-routes.ts";
import { messageRoutes } from "./message-routes.ts";
import type { Route } from "./route.ts";

export * from "./route.ts";

/** The whole API. */
export const routes = {
  ...applicationRoutes,
  ...chatRoutes,
  ...messageRoutes,
  ...keyRoutes,
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
