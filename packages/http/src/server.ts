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
  /** Where clients reach Confab; the answers to unreadable requests name it. */
  readonly publicUrl: string;
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  /** A connection is closed if neither side makes progress for this long while an answer is due. */
  readonly stallTimeoutMs?: number;
  /** Bounds the memory of answers that clients do not read. */
  readonly unsent?: Partial<UnsentOptions>;
  /** Bounds the memory of streams that clients do not read. */
  readonly unread?: Partial<UnreadOptions>;
  readonly lifecycle?: Pick<Lifecycle, "draining">;
  /** Serves the usual requests to a route before the app sees them. */
  readonly direct?: Direct;
}

export interface HttpServer {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Serves a stock Express app. `stop()` resolves when every request in flight is answered. Until then, and already while the
 * lifecycle drains, answers have `Connection: close`.
 */
export async function startHttpServer(app: Express, options: HttpServerOptions): Promise<HttpServer> {
  // The latest answer of each connection: it is marked on stop, and checked before a broken connection is written to. Undefined
  // before the first request.
  const answers = new Map<Socket, ServerResponse | undefined>();
  let stopping = false;
  const { direct } = options;
  const listener = app as RequestListener;

  const server = createServer(
    {
      ...classesWithPrototypesOf(app),
      headersTimeout: options.headersTimeoutMs ?? 10_000,
      requestTimeout: options.requestTimeoutMs ?? 15_000,
      // Longer than a reverse proxy keeps a connection, so that this side never closes one that is about to be used.
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
  // Node's own answer to an unknown expectation is not a problem document.
  server.on("checkExpectation", serve);
  // Node counts every byte that the client takes as progress.
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
  // Thousands of clients may come back at once. The kernel limits it further (net.core.somaxconn).
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
      // To Node, a connection on which nothing was sent is not idle.
      for (const socket of answers.keys()) if (socket.bytesRead === 0) socket.destroy();
    };
    closeIdle();
    // After an answer whose headers were already sent, the connection stays open and idle.
    const sweep = setInterval(closeIdle, 100);
    await closed;
    clearInterval(sweep);
  }

  return { port, url: `http://${hostOf(options.host)}:${port}`, stop };
}

/**
 * Express replaces the prototype of each request and response, after which V8 no longer optimizes either object. If Node creates
 * them with that prototype, the replacement changes nothing. Use `Reflect.construct`, not `.call`: only then do the objects have
 * the same hidden class as Node's own (measured; see ADR 2).
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
