import { ProblemError, methodHints, type Route } from "@confab/contracts";
import type { RequestHandler } from "express";

interface KnownPath {
  readonly path: string;
  readonly segments: readonly string[];
  readonly methods: ReadonlySet<string>;
}

type RouteTable = Iterable<Pick<Route, "method" | "path">>;

/**
 * Answers OPTIONS with the methods of a known path; mounted before the routes, because Express would otherwise send its
 * own answer.
 */
export function createOptionsHandler(routes: RouteTable): RequestHandler {
  const known = knownPaths(routes);
  return (req, res, next) => {
    const path = req.method === "OPTIONS" ? known.find(({ segments }) => matches(segments, req.path)) : undefined;
    if (path === undefined) next();
    else res.writeHead(204, { Allow: [...path.methods, "OPTIONS"].sort().join(", ") }).end();
  };
}

/**
 * Answers 405 to unknown methods of paths such as `…/messages/search`, which the routes of `…/messages/{message}` would
 * otherwise treat as the path of a message. Mounted before the routes.
 */
export function createMethodCheck(routes: RouteTable): RequestHandler {
  const known = knownPaths(routes);
  const hidden = known.filter((path) => known.some((other) => other !== path && hides(other.segments, path.segments)));
  return (req, _res, next) => {
    const path = hidden.find(({ segments }) => matches(segments, req.path));
    if (path !== undefined && !path.methods.has(req.method)) throw wrongMethod(path, req.method);
    next();
  };
}

function hides(segments: readonly string[], others: readonly string[]): boolean {
  return (
    segments.length === others.length &&
    segments.every((segment, at) => segment === others[at] || (isParameter(segment) && !isParameter(others[at]!)))
  );
}

/**
 * Answers a request that matches no route: 405 with `Allow` if the path has other methods, else 404. It takes the whole
 * route table, including the routes of other services.
 */
export function createNotFoundHandler(routes: RouteTable): RequestHandler {
  const known = knownPaths(routes);
  return (req) => {
    const path = known.find(({ segments }) => matches(segments, req.path));
    if (path === undefined) throw new ProblemError("route-not-found", detailOf(known, req.path));
    if (path.methods.has(req.method)) {
      throw new ProblemError("route-not-found", {
        detail: "Another service of Confab serves this route. Send the request to the public address of Confab.",
      });
    }
    throw wrongMethod(path, req.method);
  };
}

function wrongMethod({ path, methods }: KnownPath, method: string): ProblemError {
  const allow = [...methods].sort().join(", ");
  const hint = methodHints.find((row) => row.method === method && row.path === path)?.hint;
  return new ProblemError("method-not-allowed", {
    detail: `This path supports ${allow}.${hint === undefined ? "" : ` ${hint}`}`,
    headers: { Allow: allow },
  });
}

/**
 * Returns a hint for an unknown path. The most common mistake is an empty parameter, because a shell variable is not
 * set.
 */
function detailOf(known: readonly KnownPath[], path: string): { detail?: string } {
  const empty = emptyParameter(known, path);
  if (empty !== undefined) {
    const what = empty === "token" ? "the token of the application" : `{${empty}}`;
    return { detail: `The path is missing ${what}: an empty segment stands in its place.` };
  }
  const similar = similarTo(known, path);
  if (similar === undefined) return {};
  return { detail: `Paths are in lower case and do not end with a slash. Use ${similar}.` };
}

/**
 * Returns the name of the first empty parameter in a path that otherwise matches a known path. Returns undefined if
 * there is none, or if only the last segment is empty.
 */
function emptyParameter(known: readonly KnownPath[], path: string): string | undefined {
  const asked = path.slice(1).split("/");
  const match = known.find(
    ({ segments }) =>
      segments.length === asked.length &&
      segments.every((segment, at) => isParameter(segment) || segment === asked[at]) &&
      asked.slice(0, -1).includes(""),
  );
  return match?.segments.find((_, at) => asked[at] === "")?.slice(1, -1);
}

/** Returns the path that was probably meant: a known path that matches if case and empty segments are ignored. */
function similarTo(known: readonly KnownPath[], path: string): string | undefined {
  const asked = path.split("/").filter((segment) => segment !== "");
  const match = known.find(
    ({ segments }) =>
      segments.length === asked.length &&
      segments.every((segment, at) => isParameter(segment) || segment === asked[at]?.toLowerCase()),
  );
  return match && `/${match.segments.map((segment, at) => (isParameter(segment) ? asked[at] : segment)).join("/")}`;
}

function knownPaths(routes: RouteTable): KnownPath[] {
  const byPath = new Map<string, Set<string>>();
  for (const { method, path } of routes) {
    const methods = byPath.get(path) ?? new Set<string>();
    byPath.set(path, methods.add(method.toUpperCase()));
    if (method === "get") methods.add("HEAD");
  }
  return [...byPath].map(([path, methods]) => ({ path, segments: path.slice(1).split("/"), methods }));
}

/** Returns whether a path matches, like the routers: case-sensitive and without a trailing slash. */
function matches(segments: readonly string[], path: string): boolean {
  const asked = path.slice(1).split("/");
  return (
    asked.length === segments.length &&
    segments.every((segment, at) => (isParameter(segment) ? asked[at] !== "" : segment === asked[at]))
  );
}

function isParameter(segment: string): boolean {
  return segment.startsWith("{");
}
