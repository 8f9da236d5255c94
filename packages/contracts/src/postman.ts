import { z } from "zod";
import { problems, type ProblemCode } from "./problems.ts";
import { routes, type Method, type Route, type RouteName } from "./routes.ts";

type Json = Record<string, unknown>;

interface Request {
  name: string;
  method: Method | "delete";
  /** With `{{variables}}`. */
  path: string;
  admin?: boolean;
  idempotencyKey?: string;
  body?: Json;
  /** Lines of the test script. */
  test: string[];
}

const variables: Record<string, string> = {
  baseUrl: "http://localhost:8080",
  adminKey: "",
  token: "",
  chat: "",
  message: "",
  attempts: "0",
};

const newMessage = { application_token: "{{token}}", chat_number: "{{chat}}", body: "Hello world" };

const bodies: Partial<Record<RouteName, Json>> = {
  createApplication: { name: "Support" },
  updateApplication: { name: "Support, second line" },
  replaceApplication: { name: "Support" },
  createChat: { name: "Order 4711" },
  updateChat: { name: "Order 4711, returned" },
  replaceChat: { name: null },
  createMessage: newMessage,
  createMessages: { messages: [newMessage, { ...newMessage, body: "Is anybody there?" }] },
};

const queries: Partial<Record<RouteName, string>> = {
  listApplications: "?limit=10",
  listChats: "?limit=10",
  listMessages: "?limit=10&order=desc",
  searchMessages: "?q=hell",
};

/** What a request's answer tells the following ones, and what it must say besides its schema. */
const scripts: Partial<Record<RouteName, string[]>> = {
  createApplication: ['pm.collectionVariables.set("token", answer.token);'],
  createChat: ['pm.collectionVariables.set("chat", answer.number);'],
  createMessage: ['pm.collectionVariables.set("message", answer.number);'],
  createMessages: ['pm.test("takes every item", () => pm.expect(answer).to.include({ accepted: 2, refused: 0 }));'],
  listMessages: [
    'pm.test("shows what was just sent", () => pm.expect(answer.map((message) => message.number)).to.eql([3, 2, 1]));',
  ],
  // A message becomes searchable shortly after its 201: ask again for up to 30 seconds.
  searchMessages: [
    'const attempts = Number(pm.collectionVariables.get("attempts"));',
    "if (answer.length === 0 && attempts < 60) {",
    '  pm.collectionVariables.set("attempts", attempts + 1);',
    "  pm.execution.setNextRequest(pm.info.requestName);",
    "  setTimeout(() => {}, 500);",
    "} else {",
    '  pm.collectionVariables.set("attempts", 0);',
    '  pm.test("finds the message", () => pm.expect(answer[0].highlights[0]).to.include("<mark>"));',
    "}",
  ],
};

const faults: {
  name: string;
  method: Method | "delete";
  path: string;
  body?: Json;
  key?: string;
  code: ProblemCode;
}[] = [
  { name: "Send a blank message", ...toMessages({ ...newMessage, body: " " }), code: "validation-failed" },
  { name: "Send to an unknown chat", ...toMessages({ ...newMessage, chat_number: 999 }), code: "chat-not-found" },
  {
    name: "Send another message under a used key",
    ...toMessages({ ...newMessage, body: "Another" }),
    key: "{{token}}-first",
    code: "idempotency-conflict",
  },
  {
    name: "Get an unknown application",
    method: "get",
    path: "/applications/{{$guid}}",
    code: "application-not-found",
  },
  { name: "Delete what cannot be deleted", method: "delete", path: "/applications", code: "method-not-allowed" },
];

function toMessages(body: Json): { method: "post"; path: string; body: Json } {
  return { method: "post", path: routes.createMessage.path, body };
}

/** A Postman collection (v2.1) of the whole API in an order that works on an empty server, each answer checked against its schema. */
export function postmanCollection(): Json {
  const requests = Object.values<Route>(routes).map((route) => ({
    tag: route.tag,
    request: fromRoute(route),
  }));
  const refused = faults.map((fault) => ({ tag: "Problems" as const, request: fromFault(fault) }));
  const folders = Map.groupBy([...requests, ...refused], ({ tag }) => tag);
  return {
    info: {
      name: "Confab",
      description: "Run it from top to bottom: each request hands the next ones what they need.",
      schema: "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
    },
    variable: Object.entries(variables).map(([key, value]) => ({ key, value })),
    item: [...folders].map(([name, members]) => ({ name, item: members.map(({ request }) => toItem(request)) })),
  };
}

function fromRoute(route: Route): Request {
  const name = route.operationId as RouteName;
  const { status, schema, location } = route.success;
  const body = bodies[name];
  return {
    name: route.summary,
    method: route.method,
    path: route.path.replaceAll(/\{(\w+)\}/g, "{{$1}}") + (queries[name] ?? ""),
    ...(route.admin ? { admin: true } : {}),
    ...(route.idempotent ? { idempotencyKey: name === "createMessage" ? "{{token}}-first" : "{{$guid}}" } : {}),
    ...(body ? { body } : {}),
    test: [
      `pm.test("answers ${status}", () => pm.response.to.have.status(${status}));`,
      `const schema = ${JSON.stringify(leanSchema(schema))};`,
      'pm.test("answers by its schema", () => pm.response.to.have.jsonSchema(schema));',
      ...(location ? ['pm.test("says where it is", () => pm.response.to.have.header("Location"));'] : []),
      "const answer = pm.response.json();",
      ...(scripts[name] ?? []),
    ],
  };
}

/** Without examples and texts, and without the long patterns that say what a format says. */
function leanSchema(schema: z.ZodType): object {
  return z.toJSONSchema(schema, {
    target: "draft-7",
    override: ({ jsonSchema }) => {
      delete jsonSchema.description;
      delete jsonSchema.examples;
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
    },
  });
}

function fromFault({ name, method, path, body, key, code }: (typeof faults)[number]): Request {
  const { status } = problems[code];
  return {
    name,
    method,
    path,
    ...(key === undefined ? {} : { idempotencyKey: key }),
    ...(body ? { body } : {}),
    test: [
      `pm.test("answers ${status}", () => pm.response.to.have.status(${status}));`,
      'pm.test("answers a problem", () => pm.response.to.have.header("Content-Type", "application/problem+json"));',
      `pm.test("names it", () => pm.expect(pm.response.json().type).to.match(/\\/problems\\/${code}$/));`,
    ],
  };
}

function toItem({ name, method, path, admin, idempotencyKey, body, test }: Request): Json {
  // A number's variable must not stand in quotation marks.
  const raw = body && JSON.stringify(body, null, 2).replaceAll('"{{chat}}"', "{{chat}}");
  const headers = {
    ...(admin ? { Authorization: "Bearer {{adminKey}}" } : {}),
    ...(raw === undefined ? {} : { "Content-Type": "application/json" }),
    ...(idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }),
  };
  return {
    name,
    event: [{ listen: "test", script: { type: "text/javascript", exec: test } }],
    request: {
      method: method.toUpperCase(),
      header: Object.entries(headers).map(([key, value]) => ({ key, value })),
      url: `{{baseUrl}}${path}`,
      ...(raw === undefined ? {} : { body: { mode: "raw", raw } }),
    },
  };
}
