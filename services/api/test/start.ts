import { loadApiConfig } from "@confab/config";
import { commonProblems, routes, type LinkRelation, type ProblemDocument, type Route } from "@confab/contracts";
import { startHttpServer } from "@confab/http";
import { createLogger } from "@confab/runtime";
import { captureLog, hasElasticsearch, testStores, useForAll } from "@confab/testkit";
import { jsonOf, sendRequest, type Answer } from "@confab/testkit/world";
import { expect } from "chai";
import { z } from "zod";
import { createApiApp } from "../src/app.ts";
import { connectDependencies } from "../src/dependencies.ts";
import { openWorld, type World } from "./world.ts";

export { jsonOf, problemOf, type Answer } from "@confab/testkit/world";

/** Starts the service on a free port with a world's database, keys and index. Also returns its logs and metrics. */
export async function startApi(world: Pick<World, "url" | "prefix" | "index">, env: Record<string, string> = {}) {
  const config = loadApiConfig({
    REDIS_URL: testStores().redisUrl,
    DATABASE_URL: world.url,
    REDIS_KEY_PREFIX: world.prefix,
    SEARCH_INDEX: world.index,
    ...(hasElasticsearch() ? { ELASTICSEARCH_URL: testStores().elasticsearchUrl } : { SEARCH_BACKEND: "mysql" }),
    PORT: "0",
    RATE_LIMITS: "off",
    LOG_LEVEL: "debug",
    ...env,
  });
  const { lines, destination } = captureLog();
  const logger = createLogger(config.log, destination);
  const dependencies = connectDependencies(config, logger);
  const app = createApiApp({ ...dependencies, config, logger, validateResponses: true });
  const server = await startHttpServer(app, { ...config.http, host: "127.0.0.1" });
  return {
    ...dependencies,
    config,
    app,
    url: server.url,
    lines,
    get: (path: string, headers: Record<string, string> = {}) => call(server.url + path, "GET", undefined, headers),
    send: (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
      call(server.url + path, method, body, headers),
    async stop(): Promise<void> {
      dependencies.waits.stop(0);
      await dependencies.streams.stop(0);
      await server.stop();
      await dependencies.stop();
    },
  };
}

export type Api = Awaited<ReturnType<typeof startApi>>;

/** Starts a world and the service for all tests of a `describe`. */
export function useApi(env?: Record<string, string>) {
  const world = useForAll(openWorld);
  const api = useForAll(() => startApi(world, env));
  return { world, api };
}

/**
 * Sends a request. Also checks that no JSON answer has a key named id, and that the route table lists every problem.
 */
async function call(url: string, method: string, body: unknown, headers: Record<string, string>): Promise<Answer> {
  const answer = await sendRequest(method, url, body, headers);
  const contentType = answer.headers.get("content-type");
  if (contentType?.includes("json") === true && !url.endsWith("/openapi.json")) {
    expect(answer.text).to.not.match(/"id"\s*:/);
  }
  if (contentType === "application/problem+json") {
    const { code, instance } = JSON.parse(answer.text) as ProblemDocument;
    expect(instance).to.equal(new URL(url).pathname);
    const route = routeOf(method, new URL(url).pathname);
    if (route) expect([...route.problems, ...commonProblems], route.operationId).to.include(code);
  }
  return answer;
}

function routeOf(method: string, path: string): Route | undefined {
  const matches = ({ path: template }: Route): boolean =>
    new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path);
  const matching = Object.values<Route>(routes).filter((route) => route.service === "api" && matches(route));
  // A parameter would also match the last part of …/messages/search.
  const fewest = Math.min(...matching.map(({ params }) => params.length));
  return matching.find((route) => route.method === method.toLowerCase() && route.params.length === fewest);
}

/** Returns the JSON of an answer, parsed by a schema that allows no other keys. */
export function readAs<S extends z.ZodType>(schema: S, answer: Answer, status = 200): z.output<S> {
  return schema.parse(jsonOf(answer, status));
}

/** Returns the targets of an answer's Link header. */
export function linksOf({ headers }: Answer): Partial<Record<LinkRelation, string>> {
  const targets = (headers.get("link") ?? "").matchAll(/<([^>]*)>; rel="(\w+)"/g);
  return Object.fromEntries([...targets].map(([, target, relation]) => [relation, target])) as Record<string, string>;
}

/** Reads all pages from a path, following one relation until the last page. */
export async function follow<S extends z.ZodType>(
  item: S,
  api: Api,
  path: string,
  relation: "next" | "prev",
): Promise<{ pages: z.output<S>[][]; last: string }> {
  const pages: z.output<S>[][] = [];
  let last = path;
  for (let at: string | undefined = path; at !== undefined;) {
    expect(pages.length, `following ${relation} does not end`).to.be.below(100);
    const answer = await api.get(at);
    pages.push(readAs(z.array(item), answer));
    last = at;
    at = linksOf(answer)[relation];
  }
  return { pages, last };
}
