import { createAccess, type Access } from "@confab/access";
import { routes, encodeJson, toJsonText } from "@confab/contracts";
import { createLogger } from "@confab/runtime";
import { useEnding, testStores } from "@confab/testkit";
import { expect } from "chai";
import express from "express";
import { Redis } from "ioredis";
import { mount, routesOf, type RouteOutput } from "../src/index.ts";
import { publicAddress, someToken, options, problemOf, startApp, type TestApp } from "./start-app.ts";

const endAfterTest = useEnding();

const now = "2026-11-24T08:30:00.000Z";
const application = {
  token: someToken,
  name: "Support",
  chats_count: 0,
  retention_days: null,
  created_at: now,
  updated_at: now,
};
const message = {
  application_token: someToken,
  chat_number: 3,
  number: 9,
  body: "Hello",
  sender: "user-17",
  metadata: toJsonText({ mentions: ["user-18"] }),
  reply_to: 3,
  version: 1,
  change_number: null,
  created_at: now,
  updated_at: now,
  edited_at: null,
  deleted_at: null,
};
const chat = {
  application_token: someToken,
  number: 3,
  name: null,
  metadata: null,
  messages_count: 0,
  last_message_number: 0,
  last_message_at: null,
  last_change_number: 0,
  retention_days: null,
  created_at: now,
  updated_at: now,
};

const unused = (): never => {
  throw new Error("no key is looked up here");
};

describe("mount", () => {
  let app: TestApp;
  let seen: unknown;
  let answer: unknown;
  const answering = <T>(input: unknown, fallback: T): T => {
    seen = input;
    return (answer ?? fallback) as T;
  };
  let redis: Redis;
  let access: Access;

  before(async () => {
    redis = new Redis(testStores().redisUrl);
    access = createAccess({
      required: false,
      adminKey: "hunter2hunter2",
      redis,
      prefix: "http-test",
      logger: createLogger({ level: "silent", service: "test" }),
      // Only the configured admin key is used here.
      keys: { credentials: unused, markUsed: unused, hasActive: () => Promise.resolve(false) },
    });
    const strict = { ...options, validateResponses: true, access };
    app = await startApp((router) => {
      mount(
        router,
        routes.createApplication,
        ({ body }) => answering(body, { body: application, location: `/applications/${someToken}` }),
        strict,
      );
      mount(router, routes.getApplication, ({ params }) => answering(params, { body: application }), strict);
      mount(router, routes.deleteChat, ({ params }) => answering(params, { body: undefined }), strict);
      mount(router, routes.deleteMessage, ({ params }) => answering(params, { body: undefined }), strict);
      mount(router, routes.createChat, ({ body }) => answering(body, { body: chat }), strict);
      mount(
        router,
        routes.createMessage,
        ({ body, idempotencyKey }) => answering({ body, idempotencyKey }, { body: message }),
        strict,
      );
      mount(
        router,
        routes.listMessages,
        ({ params, query }): RouteOutput<typeof routes.listMessages> =>
          answering({ params, query }, { body: [message], link: { next: { after: message.number } } }),
        strict,
      );
      mount(
        router,
        routes.getReadHorizon,
        ({ params }) => answering(params, { body: { reader: params.reader, number: 0, unread: 0, updated_at: null } }),
        strict,
      );
      mount(
        router,
        routes.createMessages,
        ({ body }) => answering(body, { body: { accepted: 0, refused: 0, results: [] } }),
        strict,
      );
    });
  });
  beforeEach(() => {
    seen = answer = undefined;
    app.lines.length = 0;
  });
  after(async () => {
    await app.stop();
    await access.stop();
    redis.disconnect();
  });

  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(app.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const newMessage = { application_token: someToken, chat_number: 3, body: "Hello" };

  it("passes the parsed body and writes the answer as JSON", async () => {
    const response = await post("/messages", { ...newMessage, extra: 1 }, { "idempotency-key": "order-1" });
    expect(response.status).to.equal(201);
    expect(response.headers.get("content-type")).to.equal("application/json; charset=utf-8");
    expect(await response.text()).to.equal(encodeJson(message));
    expect(seen).to.deep.equal({ body: newMessage, idempotencyKey: "order-1" });
  });

  it("passes path and query with their types, and links to the next page of the same path", async () => {
    const path = `/applications/${someToken}/chats/3/messages`;
    const response = await fetch(`${app.url}${path}?limit=1&after=8`);
    expect(seen).to.deep.equal({ params: { token: someToken, chat: 3 }, query: { limit: 1, after: 8, order: "asc" } });
    expect(response.headers.get("link")).to.equal(`<${path}?limit=1&after=9>; rel="next"`);
  });

  it("decodes a reader in the path, and says what is wrong with an invalid one", async () => {
    const path = `/applications/${someToken}/chats/3/reads`;
    await fetch(`${app.url}${path}/a%2Fb%20%C3%A9%25`);
    expect(seen).to.deep.equal({ token: someToken, chat: 3, reader: "a/b é%" });
    const { problem } = await problemOf(await fetch(`${app.url}${path}/${"x".repeat(257)}`));
    expect(problem).to.deep.include({
      status: 422,
      errors: [{ pointer: "{reader}", detail: "must have at most 256 characters" }],
    });
  });

  it("says what does not exist if a path parameter is invalid", async () => {
    const typeOf = async (path: string): Promise<unknown> =>
      (await problemOf(await fetch(app.url + path))).problem.type;
    expect(await typeOf("/applications/42")).to.equal(`${publicAddress}/problems/application-not-found`);
    expect(await typeOf("/applications/x/chats/0/messages")).to.equal(
      `${publicAddress}/problems/application-not-found`,
    );
    for (const number of ["0", "-1", "1.5", "01", "abc", "2147483648", "1e3"]) {
      const path = `/applications/${someToken}/chats/${number}/messages`;
      expect(await typeOf(path), number).to.equal(`${publicAddress}/problems/chat-not-found`);
    }
    expect(seen).to.equal(undefined);
  });

  it("lists every error of a body with its pointer and a sentence", async () => {
    const { status, problem } = await problemOf(await post("/messages", { chat_number: "3", body: " " }));
    expect(status).to.equal(422);
    expect(problem.errors).to.deep.equal([
      { pointer: "/application_token", detail: "is required" },
      { pointer: "/chat_number", detail: "must be a whole number" },
      { pointer: "/body", detail: "must not be empty or only white space" },
    ]);
    expect(seen).to.equal(undefined);
  });

  it("refuses a body that is not an object", async () => {
    for (const body of [[], "null", 1]) {
      const { status, problem } = await problemOf(await post("/messages", body));
      expect(status).to.equal(422);
      expect(problem.errors).to.deep.equal([{ pointer: "", detail: "must be an object" }]);
    }
  });

  it("lists the errors of a query under ?name, repeated parameters among them", async () => {
    const path = `/applications/${someToken}/chats/3/messages`;
    const { status, problem } = await problemOf(await fetch(`${app.url}${path}?limit=0&order=up&after=1&after=2`));
    expect(status).to.equal(422);
    const errors = problem.errors as { pointer: string; detail: string }[];
    expect(errors.map((error) => error.pointer)).to.deep.equal(["?limit", "?after", "?order"]);
    expect(errors.map((error) => error.detail)).to.deep.equal([
      "must be at least 1",
      "must be given once",
      "must be asc or desc",
    ]);
  });

  describe("the names of ignored fields", () => {
    const ignoredOf = (response: Response): string | null => response.headers.get("confab-ignored-fields");
    const sendWith = async (fields: object): Promise<string | null> => {
      const response = await post("/messages", { ...newMessage, ...fields });
      expect(response.status).to.equal(201);
      return ignoredOf(response);
    };

    it("are in a header, and there is none where nothing was ignored", async () => {
      expect(await sendWith({})).to.equal(null);
      expect(await sendWith({ user: "bob", colour: {} })).to.equal("user, colour");
    });

    it("are those of all items of a batch request and of the object around them, each once", async () => {
      const messages = [{ ...newMessage, user: 1 }, newMessage, { ...newMessage, user: 2, type: "x" }];
      const response = await post("/messages/batch", { messages, dry_run: true });
      expect(ignoredOf(response)?.split(", ")).to.have.members(["user", "type", "dry_run"]);
      const lines = messages.map((message) => JSON.stringify(message)).join("\n");
      const ndjson = await post("/messages/batch", lines, { "content-type": "application/x-ndjson" });
      expect(ignoredOf(ndjson)).to.equal("user, type");
    });

    it("cannot break the header: they are encoded and bounded", async () => {
      expect(await sendWith({ "a\r\nSet-Cookie: x=1": 1 })).to.equal("a%0D%0ASet-Cookie%3A%20x%3D1");
      expect(await sendWith({ "": 1, 'ü,"': 1, "\ud800": 1, "?q": 1 })).to.equal('"", %C3%BC%2C%22, %EF%BF%BD, %3Fq');
      expect(await sendWith({ constructor: 1, hasOwnProperty: 1 })).to.equal("constructor, hasOwnProperty");
      const proto = await post("/messages", JSON.stringify(newMessage).replace("{", '{"__proto__":{},'));
      expect(ignoredOf(proto)).to.equal("__proto__");
      expect(await sendWith({ ["x".repeat(100_000)]: 1 })).to.equal(`${"x".repeat(64)}...`);
      const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`${index}😀`.repeat(10), 1]));
      const header = (await sendWith(many)) ?? "";
      expect(header).to.match(/, \.\.\.$/);
      expect(header.length).to.be.below(1_000);
    });
  });

  it("gives a single resource an ETag, and answers 304 without a body while it has not changed", async () => {
    const url = `${app.url}/applications/${someToken}`;
    const first = await fetch(url);
    const tag = first.headers.get("etag") ?? "";
    expect(tag).to.match(/^"[\w-]{27}"$/);
    for (const value of [tag, `W/${tag}`, `"other", ${tag}`]) {
      const again = await fetch(url, { headers: { "if-none-match": value } });
      expect([again.status, await again.text(), again.headers.get("etag")], value).to.deep.equal([304, "", tag]);
    }
    answer = { body: { ...application, name: "Renamed" } };
    const changed = await fetch(url, { headers: { "if-none-match": tag } });
    expect([changed.status, changed.headers.get("etag") === tag]).to.deep.equal([200, false]);
    const list = await fetch(`${app.url}/applications/${someToken}/chats/3/messages`).catch(() => undefined);
    expect(list?.headers.get("etag")).to.equal(null);
  });

  it("marks the answer to a repeated idempotency key", async () => {
    expect((await post("/messages", newMessage)).headers.get("idempotent-replayed")).to.equal(null);
    answer = { body: message, replayed: true };
    expect((await post("/messages", newMessage)).headers.get("idempotent-replayed")).to.equal("true");
  });

  it("refuses an Idempotency-Key that is empty, long or not visible ASCII", async () => {
    for (const key of ["", "a b", "a".repeat(256)]) {
      const { status, problem } = await problemOf(await post("/messages", newMessage, { "idempotency-key": key }));
      expect(status, key).to.equal(422);
      expect(problem.errors).to.have.nested.property("[0].pointer", "Idempotency-Key");
    }
  });

  it("refuses a condition that it does not know instead of making the change", async () => {
    const chat = `/applications/${someToken}/chats/3`;
    for (const [method, path, name, value, status] of [
      ["DELETE", chat, "if-match", '"stale"', 422],
      ["DELETE", chat, "if-none-match", "*", 422],
      ["DELETE", `${chat}/messages/1`, "if-unmodified-since", "Wed, 21 Oct 2015 07:28:00 GMT", 422],
      ["DELETE", chat, "if-match", "*", 204],
      ["DELETE", `${chat}/messages/1`, "if-match", '"1-9f86d081"', 204],
      ["POST", "/messages", "if-match", '"stale"', 422],
      ["POST", "/messages", "if-none-match", "*", 422],
      ["POST", "/messages", "if-match", "*", 201],
    ] as const) {
      seen = undefined;
      const headers = { [name]: value, "content-type": "application/json" };
      const body = method === "POST" ? JSON.stringify(newMessage) : null;
      const response = await fetch(app.url + path, { method, headers, body });
      expect(response.status, `${method} ${path} with ${name}`).to.equal(status);
      expect(seen !== undefined, "it is carried out").to.equal(status < 400);
    }
  });

  it("needs no body, content type or length if the body is optional", async () => {
    expect((await fetch(`${app.url}/applications/${someToken}/chats`, { method: "POST" })).status).to.equal(201);
    expect(seen).to.equal(undefined);
    expect((await post(`/applications/${someToken}/chats`, { name: "Team" })).status).to.equal(201);
    expect(seen).to.deep.equal({ name: "Team" });
    expect((await problemOf(await post(`/applications/${someToken}/chats`, "{"))).status).to.equal(400);
  });

  it("does not let keys of a body change a prototype", async () => {
    await post(
      "/messages",
      `{"application_token":"${someToken}","chat_number":3,"body":"x","__proto__":{"admin":true}}`,
    );
    expect(seen).to.deep.equal({ body: { ...newMessage, body: "x" }, idempotencyKey: undefined });
    expect(({} as Record<string, unknown>).admin).to.equal(undefined);
  });

  describe("with an admin key", () => {
    const create = (headers: Record<string, string>): Promise<Response> =>
      post("/applications", { name: "Support" }, headers);

    it("answers 401 without a key, and says how to send it", async () => {
      for (const authorization of ["", "Basic aHVudGVyMg==", "Bearer"]) {
        const { status, headers } = await problemOf(await create({ authorization }));
        expect(status).to.equal(401);
        expect(headers.get("www-authenticate")).to.equal('Bearer realm="confab"');
      }
    });

    it("answers 401 to a wrong key", async () => {
      expect((await problemOf(await create({ authorization: "Bearer hunter2" }))).status).to.equal(401);
      expect(seen).to.equal(undefined);
    });

    it("creates with the right key, and returns the Location", async () => {
      const response = await create({ authorization: "Bearer hunter2hunter2" });
      expect(response.status).to.equal(201);
      expect(response.headers.get("location")).to.equal(`/applications/${someToken}`);
    });
  });

  describe("on a route that accepts NDJSON", () => {
    const batch = (lines: string): Promise<Response> =>
      post("/messages/batch", lines, { "content-type": "application/x-ndjson" });

    it("passes one item per line, and a problem instead of an invalid line", async () => {
      const line = JSON.stringify(newMessage);
      expect((await batch(`${line}\r\n\n{"a":\n${line}\n3\n`)).status).to.equal(200);
      const { messages } = seen as { messages: unknown[] };
      expect(messages).to.have.length(4);
      expect([messages[0], messages[2]]).to.deep.equal([newMessage, newMessage]);
      expect(messages[1]).to.include({ code: "malformed-json", detail: "Line 3 ends in the middle of its JSON." });
      expect(messages[3]).to.include({ code: "validation-failed" });
    });

    it("counts the lines of the body, blank ones included, where it names the position of an error", async () => {
      const detailOf = async (lines: string): Promise<unknown> => {
        await batch(lines);
        return (seen as { messages: { detail?: string }[] }).messages.find(({ detail }) => detail !== undefined)
          ?.detail;
      };
      const line = JSON.stringify(newMessage);
      expect(await detailOf(`${line}\n\n \n{"a": x}\n`)).to.equal("Unexpected character in line 4, column 7.");
      expect(await detailOf("?")).to.equal("Unexpected character in line 1, column 1.");
      await post("/messages/batch", `{"messages":[${line},{"a":\n x}]}`)
        .then(problemOf)
        .then(({ problem }) => {
          expect(problem.detail).to.equal("Unexpected character in line 2, column 2 of message 2.");
        });
    });

    it("takes the same as JSON", async () => {
      await post("/messages/batch", { messages: [newMessage, newMessage], unknown: [1] });
      expect(seen).to.deep.equal({ messages: [newMessage, newMessage] });
    });

    it("refuses an empty batch with 422 and more than 1,000 lines with 413", async () => {
      expect((await problemOf(await batch("\n"))).status).to.equal(422);
      expect((await batch("1\n".repeat(1_000))).status).to.equal(200);
      expect((await problemOf(await batch("1\n".repeat(1_001)))).status).to.equal(413);
    });
  });

  it("turns an answer that violates its schema into an error if answers are validated", async () => {
    answer = { body: { ...message, id: 7 } };
    const { status } = await problemOf(await post("/messages", newMessage));
    expect(status).to.equal(500);
    expect(JSON.stringify(app.lines)).to.include("createMessage returned an answer that does not match its schema");
  });

  it("logs the template of the route, and no token", async () => {
    await fetch(`${app.url}/applications/${someToken}`);
    expect(app.requests()[0]).to.include({ route: "/applications/{token}", status: 200 });
    expect(JSON.stringify(app.lines)).not.to.include(someToken);
  });
});

describe("the signal of a route", () => {
  it("aborts when the client leaves before the answer", async () => {
    const [asked, left] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const app = endAfterTest(
      await startApp((router) => {
        mount(
          router,
          routes.countHits,
          async (input) => {
            input.left().addEventListener("abort", () => {
              left.resolve(undefined);
            });
            asked.resolve(undefined);
            await left.promise;
            return { body: [] };
          },
          options,
        );
      }),
    );
    const client = new AbortController();
    const path = `${app.url}/applications/${someToken}/search/chats?q=x`;
    const answer = fetch(path, { signal: client.signal }).catch(() => "left");
    await asked.promise;
    client.abort();
    expect(await answer).to.equal("left");
    await left.promise;
  });
});

describe("routesOf", () => {
  it("lists the mounted routes in the notation of the route table", () => {
    const router = express.Router();
    for (const route of Object.values(routes))
      mount(router, route, () => Promise.reject(new Error("never called")), options);
    const expected = Object.values(routes).map(({ method, path }) => ({ method, path }));
    expect(routesOf(router)).to.have.deep.members(expected);
  });
});
