import type { IngestConfig } from "@confab/config";
import { routes, type Route } from "@confab/contracts";
import {
  accessLog,
  createByteBudget,
  createCors,
  createNotFoundHandler,
  createOptionsHandler,
  createProblemHandler,
  createProtocolCheck,
  requestContext,
} from "@confab/http";
import { partitionOf } from "@confab/intake";
import { giveWay, type Logger } from "@confab/runtime";
import express, { type Express } from "express";
import type { Dependencies } from "./dependencies.ts";
import { createLimitHeaders } from "./routes/limit-headers.ts";
import { createMessageRoutes } from "./routes/messages.ts";
import { toProblem } from "./to-problem.ts";
import { createAcceptBatch } from "./use-cases/accept-batch.ts";
import { createAcceptRun } from "./use-cases/accept-run.ts";

export interface IngestAppOptions extends Pick<
  Dependencies,
  "access" | "intake" | "pressure" | "counted" | "metrics" | "tracer"
> {
  config: Pick<IngestConfig, "http" | "limits" | "accessLogRate" | "corsOrigins" | "partitioning">;
  logger: Logger;
  /** For tests: checks answers against their schemas. */
  validateResponses?: boolean;
}

/** The application that accepts messages, without a port. */
export function createIngestApp(options: IngestAppOptions): Express {
  const { access, intake, pressure, counted, metrics, tracer, config, logger, validateResponses = false } = options;
  const { publicUrl } = config.http;
  const { maxPending, applicationMessageRate, applicationMessageBurst } = config.limits;

  const limitHeaders = createLimitHeaders(applicationMessageRate, applicationMessageBurst);
  const acceptRun = createAcceptRun({
    intake,
    pressure,
    maxPending,
    limitHeaders,
    partitionOf: (token, chat) => partitionOf(config.partitioning, token, chat),
    toProblem,
    count: counted,
  });
  const acceptBatch = createAcceptBatch({ acceptRun, refused: counted.refused, publicUrl, giveWay });
  const budget = createByteBudget({ bytes: config.limits.requestBytes });
  const mine = Object.values<Route>(routes).filter(({ service }) => service === "ingest");

  const app = express()
    .disable("x-powered-by")
    .disable("etag")
    .enable("case sensitive routing")
    .enable("strict routing")
    .use(requestContext(logger, tracer))
    .use(accessLog({ metrics, logger, routes: mine, linesPerSecond: config.accessLogRate }));
  if (config.corsOrigins !== undefined) app.use(createCors(config.corsOrigins));
  return app
    .use(createProtocolCheck(config.http))
    .use(createOptionsHandler(mine))
    .use(
      createMessageRoutes({
        acceptRun,
        acceptBatch,
        limitHeaders,
        mountOptions: { access, budget, validateResponses },
      }),
    )
    .use(createNotFoundHandler(Object.values(routes)))
    .use(createProblemHandler({ publicUrl }));
}
