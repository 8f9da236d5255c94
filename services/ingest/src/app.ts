import { batchItemSchema, routes } from "@confab/contracts";
import {
  accessLog,
  createNotFoundHandler,
  createProblemHandler,
  parseBody,
  problemType,
  requestContext,
} from "@confab/http";
import { partitionOf } from "@confab/intake";
import type { Logger } from "@confab/runtime";
import express, { type ErrorRequestHandler, type Express } from "express";
import type { IngestConfig } from "./config.ts";
import type { Dependencies } from "./dependencies.ts";
import { createMessageRoutes } from "./routes/messages.ts";
import { toProblem } from "./to-problem.ts";
import { createAcceptBatch } from "./use-cases/accept-batch.ts";
import { createAcceptRun } from "./use-cases/accept-messages.ts";
import { createCountedRun } from "./use-cases/count-runs.ts";

export interface IngestAppOptions extends Pick<
  Dependencies,
  "intake" | "applications" | "pressure" | "counted" | "metrics" | "tracer"
> {
  config: Pick<IngestConfig, "http" | "limits" | "accessLogRate" | "partitioning">;
  logger: Logger;
  /** For tests: answers are checked against their schemas. */
  validateResponses?: boolean;
}

/** The service that accepts messages, without a port. */
export function createIngestApp(options: IngestAppOptions): Express {
  const {
    intake,
    applications,
    pressure,
    counted,
    metrics,
    tracer,
    config,
    logger,
    validateResponses = false,
  } = options;
  const { publicUrl } = config.http;
  const { maxPending, applicationRate, applicationBurst } = config.limits;

  const acceptRun = createCountedRun({
    ...counted,
    acceptRun: createAcceptRun({
      intake,
      applications,
      pressure,
      maxPending,
      partitionOf: (token, chat) => partitionOf(config.partitioning, token, chat),
    }),
    toProblem,
  });
  const parseItem = (item: unknown) => parseBody(batchItemSchema, item);
  const acceptBatch = createAcceptBatch({
    parseItem,
    acceptRun,
    refused: counted.refused,
    toProblem,
    typeOf: (code) => problemType(publicUrl, code),
  });
  const policy =
    applicationRate > 0
      ? `"messages";q=${applicationBurst};w=${Math.ceil(applicationBurst / applicationRate)}`
      : undefined;
  const translate: ErrorRequestHandler = (error, _req, _res, next) => {
    next(toProblem(error));
  };

  return express()
    .disable("x-powered-by")
    .disable("etag")
    .use(requestContext(logger, tracer))
    .use(accessLog({ metrics, logger, linesPerSecond: config.accessLogRate }))
    .use(createMessageRoutes({ acceptRun, acceptBatch, policy, mountOptions: { validateResponses } }))
    .use(createNotFoundHandler(Object.values(routes)))
    .use(translate)
    .use(createProblemHandler({ publicUrl }));
}
