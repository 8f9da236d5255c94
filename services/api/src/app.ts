import type { ApiConfig } from "@confab/config";
import { mayUse, type Access } from "@confab/access";
import { routes, type Route } from "@confab/contracts";
import { laterNumbering } from "@confab/database";
import {
  accessLog,
  createBegin,
  createByteBudget,
  contextOf,
  createCors,
  createMethodCheck,
  createNotFoundHandler,
  createOptionsHandler,
  createProblemHandler,
  createProtocolCheck,
  createRateLimit,
  requestContext,
} from "@confab/http";
import type { Logger } from "@confab/runtime";
import express, { type Express, type RequestHandler } from "express";
import type { Dependencies } from "./dependencies.ts";
import { parseQueryString } from "./query-parser.ts";
import { createApplicationRoutes } from "./routes/applications.ts";
import { createChatRoutes } from "./routes/chats.ts";
import { createDocsRoutes } from "./routes/docs.ts";
import { createKeyRoutes } from "./routes/keys.ts";
import { createMessageRoutes } from "./routes/messages.ts";
import { createReadRoutes } from "./routes/read-horizons.ts";
import { createStreamRoutes } from "./routes/streams.ts";
import { createFairShares } from "./fair-shares.ts";
import { toProblem } from "./to-problem.ts";
import { createBeginStream } from "./stream/begin-stream.ts";
import { createChangeMessage } from "./changing/change-message.ts";
import { createCountHits } from "./searching/count-hits.ts";
import { createErase } from "./changing/erase.ts";
import { createFindChat } from "./reading/find-chat.ts";
import { createListMessages } from "./reading/list-messages.ts";
import { createReadHorizons } from "./reading/read-horizons.ts";
import { createSearchApplication } from "./searching/search-application.ts";
import { createSearchMessages } from "./searching/search-messages.ts";

export interface ApiAppOptions extends Omit<Dependencies, "health" | "stop"> {
  readonly config: Pick<
    ApiConfig,
    | "version"
    | "access"
    | "accessLogRate"
    | "corsOrigins"
    | "http"
    | "database"
    | "partitioning"
    | "applicationRequestRate"
    | "applicationSearchMs"
    | "trustedProxies"
    | "userShare"
    | "requestBytes"
  >;
  readonly logger: Logger;
  /** For tests: checks answers against their schemas. */
  readonly validateResponses?: boolean;
}

/** Creates the service that handles everything but sending, without a port. */
export function createApiApp(options: ApiAppOptions): Express {
  const {
    redis,
    access,
    applications,
    keys,
    chats,
    erasures,
    pendingErasure: pendingErasure,
    messages,
    readMessages,
    reindex,
    changes,
    signals,
    lookups,
    continueAt,
    streams,
    endStreams,
    waits,
    coalescedReads,
    horizons,
    pending,
    search,
    backend,
    metrics,
    tracer,
    config,
    logger,
  } = options;
  const findChat = createFindChat({ applications, chats });
  const erase = createErase({ erasures, pendingErasure, endStreams });
  const share = createFairShares({
    poolSize: config.database.poolSize,
    userShare: config.userShare,
    searchMsPerSecond: config.applicationSearchMs,
  });
  const budget = createByteBudget({
    bytes: config.requestBytes,
    userShare: config.userShare,
    // Changes wait for each other.
    countsSmall: true,
  });
  const mountOptions = { access, budget, share, validateResponses: options.validateResponses ?? false };
  const { publicUrl } = config.http;
  const mine = Object.values<Route>(routes).filter(({ service }) => service === "api");

  const app = express()
    .disable("x-powered-by")
    .enable("case sensitive routing")
    .enable("strict routing")
    .set("query parser", parseQueryString)
    .set("trust proxy", config.trustedProxies)
    .use(requestContext(createBegin(logger, tracer)))
    .use(accessLog({ metrics, logger, routes: mine, linesPerSecond: config.accessLogRate }));
  if (config.corsOrigins !== undefined) app.use(createCors(config.corsOrigins));
  app
    .use(createProtocolCheck(config.http))
    .use(createOptionsHandler(mine))
    .use(createMethodCheck(mine))
    .use(createDocsRoutes({ publicUrl, version: config.version }));
  if (config.applicationRequestRate !== undefined) {
    const keyPrefix = `${config.partitioning.prefix}:rate`;
    const rateLimit = createRateLimit({
      redis,
      limit: config.applicationRequestRate,
      userShare: config.userShare,
      windowSeconds: 1,
      logger,
      keyPrefix,
    });
    app.use("/applications/:token", identified(access, config.access.required, rateLimit));
  }
  return (
    app
      .use(
        createApplicationRoutes({
          applications,
          erase,
          searchApplication: createSearchApplication({ search, applications, chats, messages, backend, reindex }),
          countHits: createCountHits({ search, applications, chats, backend }),
          mountOptions,
        }),
      )
      .use(createChatRoutes({ chats, erase, findChat, mountOptions }))
      // Before the routes of messages: `stream` is no number.
      .use(
        createStreamRoutes({
          findChat,
          beginStream: createBeginStream({ applications, lookups }),
          streams,
          signals,
          mountOptions,
        }),
      )
      .use(
        createMessageRoutes({
          findChat,
          lookups,
          readMessages,
          listMessages: createListMessages({ readMessages, continueAt }),
          changeMessage: createChangeMessage({ changes, messages, pending, signals }),
          changes,
          waits,
          coalescedReads,
          searchMessages: createSearchMessages({ search, messages, backend, reindex }),
          mountOptions,
        }),
      )
      .use(
        createReadRoutes({
          findChat,
          readHorizons: createReadHorizons({ horizons, messages, pending, signals, continueAt, laterNumbering }),
          horizons,
          mountOptions,
        }),
      )
      .use(createKeyRoutes({ keys, applications, access, mountOptions }))
      .use(createNotFoundHandler(Object.values(routes)))
      .use(createProblemHandler({ publicUrl, toProblem }))
  );
}

/** Limits only requests that may use the application: others, which will be refused, must not use up its limit. */
function identified(access: Access, required: boolean, rateLimit: RequestHandler): RequestHandler {
  return async (req, res, next) => {
    const principal = await access.identify(req);
    contextOf(req).principal = principal;
    const isRefused = principal === undefined ? required : !mayUse(principal, String(req.params.token).toLowerCase());
    if (isRefused) next();
    else await rateLimit(req, res, next);
  };
}
