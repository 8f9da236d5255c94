import type { ApiConfig } from "@confab/config";
import { ProblemError, routes, type Route } from "@confab/contracts";
import {
  accessLog,
  checkProtocol,
  createNotFoundHandler,
  createOptionsHandler,
  createProblemHandler,
  createRateLimit,
  requestContext,
} from "@confab/http";
import { createFairShare, type FairShare, type Logger } from "@confab/runtime";
import express, { type ErrorRequestHandler, type Express } from "express";
import helmet from "helmet";
import type { Dependencies } from "./dependencies.ts";
import { parseQueryString } from "./query-parser.ts";
import { createApplicationRoutes } from "./routes/applications.ts";
import { createChatRoutes } from "./routes/chats.ts";
import { createDocsRoutes } from "./routes/docs.ts";
import { createMessageRoutes } from "./routes/messages.ts";
import { toProblem } from "./to-problem.ts";
import { createFindChat } from "./use-cases/find-chat.ts";
import { createReadMessages } from "./use-cases/read-messages.ts";
import { createSearchMessages } from "./use-cases/search-messages.ts";

export interface ApiAppOptions extends Omit<Dependencies, "health" | "stop"> {
  config: Pick<
    ApiConfig,
    "version" | "accessLogRate" | "http" | "database" | "partitioning" | "adminKey" | "applicationRequestRate"
  >;
  logger: Logger;
  /** For tests: checks answers against their schemas. */
  validateResponses?: boolean;
}

/** The application for everything but sending messages, without a port. */
export function createApiApp(options: ApiAppOptions): Express {
  const { redis, applications, chats, messages, pending, search, backend, metrics, tracer, config, logger } = options;
  const mountOptions = { adminKey: config.adminKey, validateResponses: options.validateResponses ?? false };
  const findChat = createFindChat({ applications, chats });
  const readMessages = createReadMessages({ messages, pending });
  const translate: ErrorRequestHandler = (error, _req, _res, next) => {
    next(toProblem(error));
  };

  const mine = Object.values<Route>(routes).filter(({ service }) => service === "api");
  // On plain HTTP, browsers ignore HSTS, and upgrade-insecure-requests would break the pages.
  const secureHeaders = helmet(
    config.http.publicUrl.startsWith("https:")
      ? {}
      : { strictTransportSecurity: false, contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } },
  );

  const app = express()
    .disable("x-powered-by")
    .set("query parser", parseQueryString)
    .use(requestContext(logger, tracer))
    .use(accessLog({ metrics, logger, routes: mine, linesPerSecond: config.accessLogRate }))
    .use(secureHeaders)
    .use(checkProtocol)
    .use(createOptionsHandler(mine))
    .use(createDocsRoutes({ publicUrl: config.http.publicUrl, version: config.version }));
  if (config.applicationRequestRate !== undefined) {
    const keyPrefix = `${config.partitioning.prefix}:rate`;
    const rateLimit = createRateLimit({
      redis,
      limit: config.applicationRequestRate,
      windowSeconds: 1,
      logger,
      keyPrefix,
    });
    app.use("/applications/:token", rateLimit.middleware);
  }
  return app
    .use(createApplicationRoutes({ applications, mountOptions }))
    .use(createChatRoutes({ chats, findChat, mountOptions }))
    .use(
      createMessageRoutes({
        findChat,
        readMessages,
        searchMessages: createSearchMessages({ search, messages, backend }),
        share: createShare(config.database.poolSize),
        mountOptions,
      }),
    )
    .use(createNotFoundHandler(Object.values(routes)))
    .use(translate)
    .use(createProblemHandler({ publicUrl: config.http.publicUrl }));
}

/** Lists and searches leave a part of the connection pool to other requests, and each application leaves a part to the others. */
function createShare(poolSize: number): FairShare {
  return createFairShare({
    total: Math.max(1, poolSize - 2),
    perKey: Math.max(1, Math.floor(poolSize / 5)),
    waitingPerKey: 100,
    waitMs: 2_000,
    refuse: (isOwn) =>
      isOwn
        ? new ProblemError("rate-limited", { detail: "The application has too many lists and searches under way." })
        : new ProblemError("service-unavailable", { detail: "Too many lists and searches are under way." }),
  });
}
