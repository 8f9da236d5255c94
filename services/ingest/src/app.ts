import type { IngestConfig } from "@confab/config";
import { routes, type Route } from "@confab/contracts";
import {
  accessLog,
  createBegin,
  createByteBudget,
  createCors,
  createDirect,
  createNotFoundHandler,
  createOptionsHandler,
  createProblemHandler,
  createProtocolCheck,
  requestContext,
  type Direct,
} from "@confab/http";
import { partitionOf } from "@confab/pending";
import { giveWay } from "@confab/async";
import type { Logger } from "@confab/runtime";
import express, { type Express } from "express";
import type { Dependencies } from "./dependencies.ts";
import { createLimitHeaders } from "./routes/limit-headers.ts";
import { createMessageRoutes, createSendMessage } from "./routes/messages.ts";
import { busy, toProblem } from "./to-problem.ts";
import { createAcceptBatch } from "./use-cases/accept-batch.ts";
import { createAcceptRuns } from "./use-cases/accept-runs.ts";

export interface IngestAppOptions extends Pick<
  Dependencies,
  "access" | "acceptor" | "pressure" | "counted" | "metrics" | "tracer"
> {
  readonly config: Pick<
    IngestConfig,
    "http" | "limits" | "requestBytes" | "accessLogRate" | "corsOrigins" | "partitioning" | "trustedProxies"
  >;
  readonly logger: Logger;
  /** For tests: checks answers against their schemas. */
  readonly validateResponses?: boolean;
}

/** The Express app that accepts messages. It does not listen on a port by itself. */
export interface IngestApp {
  readonly app: Express;
  /** Serves the usual requests that send a message before they reach the app. */
  readonly direct: Direct;
}

export function createIngestApp(options: IngestAppOptions): IngestApp {
  const { access, acceptor, pressure, counted, metrics, tracer, config, logger, validateResponses = false } = options;
  const { publicUrl } = config.http;
  const { maxPending, applicationMessageRate, applicationMessageBurst, userShare } = config.limits;

  const limitHeaders = createLimitHeaders(applicationMessageRate, applicationMessageBurst, userShare);
  const acceptRuns = createAcceptRuns({
    acceptor,
    pressure,
    maxPending,
    limitHeaders,
    partitionOf: (token, chat) => partitionOf(config.partitioning, token, chat),
    toProblem,
    count: counted,
  });
  const acceptBatch = createAcceptBatch({ acceptRuns, refused: counted.refused, publicUrl, giveWay });
  const budget = createByteBudget({ bytes: config.requestBytes, userShare });
  const mine = Object.values<Route>(routes).filter(({ service }) => service === "ingest");

  const mountOptions = { access, budget, validateResponses };
  const messageRoutes = { acceptRuns, acceptBatch, limitHeaders, mountOptions };

  const begin = createBegin(logger, tracer);
  const log = accessLog({ metrics, logger, routes: mine, linesPerSecond: config.accessLogRate });
  const protocolCheck = createProtocolCheck(config.http);
  const onProblem = createProblemHandler({ publicUrl });
  const app = express()
    .disable("x-powered-by")
    .disable("etag")
    .enable("case sensitive routing")
    .enable("strict routing")
    .set("trust proxy", config.trustedProxies)
    .use(requestContext(begin))
    .use(log);
  const cors = config.corsOrigins === undefined ? [] : [createCors(config.corsOrigins)];
  for (const step of cors) app.use(step);
  app
    .use(protocolCheck)
    .use(createOptionsHandler(mine))
    .use(createMessageRoutes(messageRoutes))
    .use(createNotFoundHandler(Object.values(routes)))
    .use(onProblem);
  const direct = createDirect(routes.createMessage, createSendMessage(messageRoutes), {
    ...mountOptions,
    begin,
    steps: [log, ...cors, protocolCheck],
    onProblem,
    shed: () => {
      if (!acceptor.isFull()) return undefined;
      counted.refused("busy");
      return busy();
    },
  });
  return { app, direct };
}
