import { createLogger, createMetrics } from "@confab/runtime";
import express, { type Router } from "express";
import { routes } from "@confab/contracts";
import { captureLog, type LogLine } from "@confab/testkit";
import {
  accessLog,
  createBegin,
  createByteBudget,
  createNotFoundHandler,
  createOptionsHandler,
  createProblemHandler,
  createProtocolCheck,
  createRouter,
  requestContext,
  startHttpServer,
  type HttpServer,
  type HttpServerOptions,
} from "../src/index.ts";
import { metricCatalogue } from "@confab/metrics";

export const publicAddress = "https://chat.example";
export const someToken = "2f0c8a9e-5d0b-4b52-9a63-0c6ab5c3b6f1";

export type { LogLine } from "@confab/testkit";

/** Mount options for public routes, with a budget that is large enough for all bodies. */
export const options = { budget: createByteBudget({ bytes: 64 * 1024 * 1024 }) };

export interface TestApp extends HttpServer {
  readonly lines: LogLine[];
  readonly metrics: ReturnType<typeof createMetrics>["registry"];
  requests(): LogLine[];
}

/** Starts the HTTP server like the services, on a free port, and gives access to its logs and metrics. */
export async function startApp(
  configure: (router: Router) => void,
  options: Partial<HttpServerOptions> = {},
  log: { linesPerSecond?: number } = {},
): Promise<TestApp> {
  const { lines, destination } = captureLog();
  const logger = createLogger({ level: "debug", service: "test" }, destination);
  const metrics = createMetrics(metricCatalogue, "test");
  const app = express().enable("case sensitive routing").enable("strict routing");
  const router = createRouter();
  configure(router);
  app.use(
    requestContext(createBegin(logger)),
    accessLog({ metrics, logger, routes: Object.values(routes), ...log }),
    createProtocolCheck({ host: "0.0.0.0", publicUrl: publicAddress, ...options }),
    createOptionsHandler(Object.values(routes)),
    router,
  );
  app.use(createNotFoundHandler(Object.values(routes)), createProblemHandler({ publicUrl: publicAddress }));
  const server = await startHttpServer(app, { port: 0, host: "127.0.0.1", publicUrl: publicAddress, ...options });
  return {
    ...server,
    lines,
    metrics: metrics.registry,
    requests: () => lines.filter((line) => line.message === "request"),
  };
}

export interface ProblemAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly problem: Record<string, unknown>;
}

export async function problemOf(response: Response): Promise<ProblemAnswer> {
  const type = response.headers.get("content-type");
  if (type !== "application/problem+json") throw new Error(`expected a problem, got ${String(type)}`);
  const problem = (await response.json()) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, problem };
}
