import { hurry } from "@confab/async";
import type { Lifecycle } from "@confab/runtime";
import type { Express } from "express";
import { once } from "node:events";
import { IncomingMessage, ServerResponse, createServer, type RequestListener } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createClientErrorHandler } from "./client-error.ts";
import type { Direct } from "./direct.ts";
import { awaitContinue } from "./protocol.ts";
import { createUnsent, type UnsentOptions } from "./unsent.ts";
import { createUnread, type UnreadOptions } from "./unread.ts";

export interface HttpServerOptions {
  readonly port: number;
  readonly host?: string;
  /** URL at which clients reach Confab. Answers to unreadable requests contain it. */
  readonly publicUrl: string;
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  /** Time in ms without progress on either side after which a connection with an unfinished answer is closed. */
  readonly stallTimeoutMs?: number;
  /** Options that limit the memory of answers that clients do not read. */
  readonly unsent?: Partial<UnsentOptions>;
  /** Options that limit the memory of streams that clients do not read. */
  readonly unread?: Partial<UnreadOptions>;
  readonly lifecycle?: Pick<Lifecycle, "draining">;
  /** Serves the usual requests to a route before they reach the app. */
  readonly direct?: Direct;
}

export interface HttpServer {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Serves a stock Express app. `stop()` resolves when all requests in flight are answered. Until then, and while the
 * lifecycle drains, answers have `Connection: close`.
 */
export async function startHttpServer(app: Express, options: HttpServerOptions): Promise<HttpServer> {
  // The latest answer of each connection, undefined before its first request. `stop` sets its `Connection: close`, and
  // an error handler checks it before it writes to a broken connection.
  const answers = new Map<Socket, ServerResponse | undefined>();
  let stopping = false;
  const { direct } = options;
  const listener = app as RequestListener;

  const server = createServer(
    {
      ...classesWithPrototypesOf(app),
      headersTimeout: options.headersTimeoutMs ?? 10_000,
      requestTimeout: options.requestTimeoutMs ?? 15_000,
      // This is longer than a reverse proxy keeps an idle connection, so that this side never closes one that is about
      // to be used.
      keepAliveTimeout: 65_000,
      connectionsCheckingInterval: 5_000,
    },
    serve,
  );
  function serve(req: IncomingMessage, res: ServerResponse): void {
    answers.set(req.socket, res);
    if (stopping || options.lifecycle?.draining === true) res.shouldKeepAlive = false;
    if (direct === undefined) listener(req, res);
    else direct(req, res, listener);
  }
  server.on("checkContinue", (req: IncomingMessage, res: ServerResponse) => {
    awaitContinue(req, res);
    serve(req, res);
  });
  // Without this listener, Node answers an unknown expectation itself, without a problem document.
  server.on("checkExpectation", serve);
  // Node treats every byte that the client takes as progress, so slow clients do not time out.
  server.timeout = options.stallTimeoutMs ?? 30_000;
  app.locals.unsent = createUnsent({ maxBytes: 64 * 1024 * 1024, timeoutMs: 5_000, ...options.unsent });
  app.locals.unread = createUnread({ maxBytes: 64 * 1024 * 1024, timeoutMs: 5_000, ...options.unread });
  server.on("connection", (socket) => {
    hurry();
    answers.set(socket, undefined);
    socket.once("close", () => answers.delete(socket));
  });
  server.on(
    "clientError",
    createClientErrorHandler(options.publicUrl, (socket) => answers.get(socket)),
  );
  // Thousands of clients may reconnect at once. The kernel may limit the backlog further (net.core.somaxconn).
  server.listen({ port: options.port, host: options.host ?? "0.0.0.0", backlog: 4_096 });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  async function stop(): Promise<void> {
    stopping = true;
    const closed = once(server, "close");
    server.close();
    for (const answer of answers.values()) if (answer?.headersSent === false) answer.shouldKeepAlive = false;
    const closeIdle = (): void => {
      server.closeIdleConnections();
      // Node does not treat a connection on which nothing was sent as idle.
      for (const socket of answers.keys()) if (socket.bytesRead === 0) socket.destroy();
    };
    closeIdle();
    // If the headers of an answer were already sent, its connection stays open and becomes idle later.
    const sweep = setInterval(closeIdle, 100);
    await closed;
    clearInterval(sweep);
  }

  return { port, url: `http://${hostOf(options.host)}:${port}`, stop };
}

/**
 * Express replaces the prototype of each request and response, after which V8 no longer optimizes either object. If
 * Node creates them with that prototype, the replacement changes nothing. Use `Reflect.construct`, not `.call`: only
 * then do the objects have the same hidden class as Node's own (measured; see ADR 2).
 */
function classesWithPrototypesOf(app: Express): {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
} {
  function Request(socket: Socket): unknown {
    return Reflect.construct(IncomingMessage, [socket], Request);
  }
  function Response(req: IncomingMessage, options: unknown): unknown {
    return Reflect.construct(ServerResponse, [req, options], Response);
  }
  Request.prototype = app.request;
  Response.prototype = app.response;
  return {
    IncomingMessage: Request as unknown as typeof IncomingMessage,
    ServerResponse: Response as unknown as typeof ServerResponse,
  };
}

function hostOf(host: string | undefined): string {
  return host === undefined || host === "0.0.0.0" ? "127.0.0.1" : host;
}
