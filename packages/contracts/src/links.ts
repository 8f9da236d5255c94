import { routes, type Route, type RouteName } from "./routes.ts";

interface Link {
  readonly to: readonly RouteName[];
  /** Path parameters of the linked routes, as OpenAPI runtime expressions. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly requestBody?: unknown;
}

const chat = { application_token: "$request.path.token", chat_number: "$response.body#/number" };
const message = {
  token: "$response.body#/application_token",
  chat: "$response.body#/chat_number",
  message: "$response.body#/number",
};

/** OpenAPI links from the answers of routes that create something, for programs that explore the API. */
const links: Partial<Record<RouteName, readonly Link[]>> = {
  createApplication: [
    {
      to: [
        "getApplication",
        "updateApplication",
        "replaceApplication",
        "createChat",
        "listChats",
        "searchApplication",
        "countHits",
      ],
      parameters: { token: "$response.body#/token" },
    },
  ],
  createChat: [
    {
      to: ["getChat", "updateChat", "replaceChat", "listMessages", "searchMessages"],
      parameters: { token: "$request.path.token", chat: "$response.body#/number" },
    },
    { to: ["createMessage"], requestBody: chat },
    { to: ["createMessages"], requestBody: { messages: [{ ...chat, body: "Hello world" }] } },
  ],
  createMessage: [
    { to: ["getMessage"], parameters: message },
    { to: ["listMessages", "searchMessages"], parameters: { token: message.token, chat: message.chat } },
  ],
};

/** Returns the links of a route's success response, by the ids of the linked operations. */
export function linksOf(route: Route): { links?: Record<string, object> } {
  const own = Object.entries(links).find(([name]) => routes[name as RouteName] === route)?.[1];
  if (own === undefined) return {};
  const entries = own.flatMap(({ to, ...link }) => to.map((name) => [name, { operationId: name, ...link }] as const));
  return { links: Object.fromEntries(entries) };
}
