import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import type { Access, Principal } from "@confab/access";
import { ProblemError, routes } from "@confab/contracts";
import { metricCatalogue } from "@confab/metrics";
import { createLogger, createMetrics } from "@confab/runtime";
import { captureLog, eventually, useForEach } from "@confab/testkit";
import { expect } from "chai";
import express from "express";
import {
  accessLog,
  createBegin,
  createByteBudget,
  createCors,
  createDirect,
  createProblemHandler,
  createProtocolCheck,
  createRouter,
  mount,
  requestContext,
  startHttpServer,
  type HttpServer,
  type RouteHandler,
} from "../src/index.ts";
import { connectRaw } from "./raw.ts";
import { publicAddress, someToken } from "./start-app.ts";

const at = "2026-11-24T08:30:00.000Z";
const route = routes.createMessage;

/** Answers a message, or fails in the way that the message body names. */
const handler: RouteHandler<typeof route> = async ({ body, idempotencyKey, context }) => {
  await pause(0);
  context.logFields = { chat: body.chat_number };
  if (body.body === "refuse") throw new ProblemError("overloaded", { retryAfterSeconds: 3 });
  if (body.body === "break") throw new Error("a secret");
  if (body.body === "wait") await pause(200);
  const content = { body: body.body, sender: body.sender ?? null, metadata: null, reply_to: null };
  const change = { version: 1, change_number: null, edited_at: null, deleted_at: null };
  const { application_token, chat_number } = body;
  return {
    body: { application_token, chat_number, number: 1, ...content, ...change, created_at: at, updated_at: at },
    location: "/a/message",
    replayed: idempotencyKey !== undefined,
    headers: { RateLimit: "5" },
  };
};

const scopes: Principal["scopes"] = new Set(["write"]);
const principal: Principal = { name: "a key", keyId: "k", token: undefined, scopes, expiresAt: Infinity };

/** Access control that knows a single key. */
const access = {
  identify: ({ headers }) => (headers.authorization === undefined ? undefined : Promise.resolve(principal)),
  admit: (_route, principal) => {
    if (principal === undefined) throw new ProblemError("unauthorized");
  },
} as Pick<Access, "identify" | "admit"> as Access;

/** Starts the app behind the direct route and counts the requests that reach the app. */
async function start() {
  const { lines, destination } = captureLog();
  const logger = createLogger({ level: "debug", service: "test" }, destination);
  const metrics = createMetrics(metricCatalogue, "test");
  const budget = createByteBudget({ bytes: 1_000_000 });
  const options = { access, budget, validateResponses: true };
  const begin = createBegin(logger);
  const log = accessLog({ metrics, logger, routes: [route] });
  const check = createProtocolCheck({ host: "127.0.0.1", publicUrl: publicAddress });
  const cors = createCors(["https://chat.example"]);
  const onProblem = createProblemHandler({ publicUrl: publicAddress });
  let seen = 0;
  let isShedding = false;
  const router = createRouter();
  mount(router, route, handler, options);
  const app = express().disable("x-powered-by").enable("strict routing");
  app.use(
    (_req, _res, next) => {
      seen += 1;
      next();
    },
    requestContext(begin),
    log,
    cors,
    check,
    router,
  );
  app.use(onProblem);
  const direct = createDirect(route, handler, {
    ...options,
    begin,
    steps: [log, cors, check],
    onProblem,
    shed: () => (isShedding ? new ProblemError("busy") : undefined),
  });
  const server = await startHttpServer(app, { port: 0, host: "127.0.0.1", publicUrl: publicAddress, direct });
  const shed = () => {
    isShedding = true;
  };
  return { server, lines, budget, seen: () => seen, metrics: metrics.registry, shed };
}

const valid = JSON.stringify({ application_token: someToken, chat_number: 3, body: "Hällo – “x”", sender: "s" });
const withBody = (body: string): string => JSON.stringify({ application_token: someToken, chat_number: 3, body });
const usualHead = [
  "POST /messages HTTP/1.1",
  "Host: 127.0.0.1",
  "Content-Type: application/json",
  "Authorization: Bearer x",
  "X-Request-ID: mine",
];

describe("createDirect", () => {
  let server: HttpServer;
  const running = useForEach(start);
  beforeEach(() => {
    ({ server } = running);
  });
  afterEach(() => server.stop());

  /**
   * Sends a request in one piece, or its body after its headers if `isSplit`, and returns the answer without its date.
   */
  async function send(head: readonly string[], body: string, isSplit = false): Promise<string> {
    const { socket, closed } = await connectRaw(server.port);
    const length = head.some((line) => line.startsWith("Transfer-Encoding"))
      ? []
      : [`Content-Length: ${Buffer.byteLength(body)}`];
    const headers = [...head, ...length, "Connection: close", "", ""].join("\r\n");
    socket.setNoDelay(true);
    if (isSplit) {
      socket.write(headers);
      await pause(30);
      socket.write(body);
    } else socket.write(headers + body);
    return (await closed).replace(/\r\nDate: [^\r]*/, "");
  }

  const headerOf = (name: string, value: string): string[] => [
    ...usualHead.filter((line) => !line.startsWith(`${name}:`)),
    ...(value === "" ? [] : [`${name}: ${value}`]),
  ];
  const cases: readonly { name: string; head?: readonly string[]; body?: string; status: number }[] = [
    { name: "a message", status: 201 },
    {
      name: "a message with a key and an unknown field",
      head: [...usualHead, "Idempotency-Key: k"],
      body: valid.replace("{", '{"colour":1,'),
      status: 201,
    },
    { name: "a page of another origin", head: [...usualHead, "Origin: https://chat.example"], status: 201 },
    { name: "JSON with an error", body: "{", status: 400 },
    { name: "bytes that the schema refuses", body: "[]", status: 422 },
    { name: "a blank body", body: withBody(" "), status: 422 },
    { name: "an invalid idempotency key", head: [...usualHead, "Idempotency-Key: a b"], status: 422 },
    { name: "no key", head: headerOf("Authorization", ""), status: 401 },
    { name: "a foreign host", head: headerOf("Host", "evil.example"), status: 421 },
    { name: "two hosts", head: [...usualHead, "Host: 127.0.0.2"], status: 400 },
    { name: "a refusal by the handler", body: withBody("refuse"), status: 503 },
    { name: "an unexpected error", body: withBody("break"), status: 500 },
  ];
  for (const { name, head = usualHead, body = valid, status } of cases) {
    it(`answers like the app: ${name}`, async () => {
      const direct = await send(head, body);
      expect(running.seen(), "served without the app").to.equal(0);
      const byApp = await send(head, body, true);
      expect(running.seen(), "served by the app").to.equal(1);
      expect(direct).to.include(`HTTP/1.1 ${status} `);
      expect(linesOf(direct)).to.deep.equal(linesOf(byApp));
      await eventually(() => {
        const logged = running.lines.filter(({ message }) => message === "request");
        expect(logged).to.have.length(2);
        const [one, two] = logged.map((line) => ({ ...line, ms: 0, time: "" }));
        expect(one).to.deep.equal(two);
      });
      expect(running.budget.used()).to.equal(0);
      const counted = await running.metrics.getSingleMetric("http_requests_total")!.get();
      expect(counted.values.map(({ value }) => value).filter((value) => value > 0)).to.deep.equal([2]);
    });
  }

  const unusual: readonly { name: string; head: readonly string[]; body?: string }[] = [
    { name: "a query", head: usualHead.with(0, "POST /messages?x=1 HTTP/1.1") },
    { name: "another path", head: usualHead.with(0, "POST /messages/ HTTP/1.1") },
    { name: "another method", head: usualHead.with(0, "PUT /messages HTTP/1.1") },
    { name: "a media type with another charset", head: headerOf("Content-Type", "application/json; charset=latin1") },
    { name: "no media type", head: headerOf("Content-Type", "") },
    { name: "a compressed body", head: [...usualHead, "Content-Encoding: gzip"] },
    { name: "chunks", head: [...usualHead, "Transfer-Encoding: chunked"], body: "2\r\n{}\r\n0\r\n\r\n" },
    { name: "a condition", head: [...usualHead, 'If-Match: "x"'] },
    { name: "a condition that there is nothing yet", head: [...usualHead, "If-None-Match: *"] },
    { name: "a condition with a time", head: [...usualHead, "If-Unmodified-Since: Wed, 21 Oct 2015 07:28:00 GMT"] },
    { name: "a version", head: [...usualHead, "Confab-Version: 1"] },
    { name: "an empty body", head: usualHead, body: "" },
    { name: "a large body", head: usualHead, body: withBody("x".repeat(16_384)) },
  ];
  for (const { name, head, body = valid } of unusual) {
    it(`leaves to the app: ${name}`, async () => {
      expect(await send(head, body)).to.match(/^HTTP\/1\.1 \d{3} /);
      expect(running.seen()).to.equal(1);
    });
  }

  it("refuses everything before the key and the body are looked at, while there is too much", async () => {
    running.shed();
    const answer = await send(headerOf("Authorization", ""), "{");
    expect(answer).to.include("HTTP/1.1 503 ").and.include("Retry-After: 1").and.include('"code":"busy"');
    expect(running.budget.used()).to.equal(0);
  });

  it("serves requests that arrive at once on one connection, in their order", async () => {
    const { socket, received } = await connectRaw(server.port);
    const one = (body: string) => [...usualHead, `Content-Length: ${Buffer.byteLength(body)}`, "", body].join("\r\n");
    socket.write(one(withBody("wait")) + one(withBody("second")) + one(withBody("third")));
    await eventually(() =>
      expect(received().match(/"body":"\w+"/g)).to.deep.equal(['"body":"wait"', '"body":"second"', '"body":"third"']),
    );
    socket.destroy();
  });

  it("logs a client that leaves before its answer", async () => {
    const { socket } = await connectRaw(server.port);
    const body = withBody("wait");
    socket.write([...usualHead, `Content-Length: ${body.length}`, "", body].join("\r\n"));
    await pause(50);
    socket.destroy();
    await once(socket, "close");
    await eventually(() => {
      expect(running.lines.find(({ message }) => message === "request")).to.include({ status: 499 });
      expect(running.budget.used()).to.equal(0);
    });
  });
});

/** Returns the lines of an answer in sorted order, so that the order of headers does not matter. */
function linesOf(answer: string): string[] {
  return answer.split("\r\n").sort();
}
