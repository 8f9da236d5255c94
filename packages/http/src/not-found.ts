import { ProblemError, methodHints } from "@confab/contracts";
import type { Route } from "@confab/contracts";
import type { RequestHandler } from "express";

interface KnownPath {
  readonly pattern: RegExp;
  readonly methods: ReadonlySet<string>;
}

/** Answers OPTIONS on a known path with the methods that it has; mounted before the routes, since Express answers it in its own way. */
export function createOptionsHandler(routes: Iterable<Pick<Route, "method" | "path">>): RequestHandler {
  const known = knownPaths(routes);
  return (req, res, next) => {
    const allowed = req.method === "OPTIONS" ? methodsOf(known, req.path) : [];
    if (allowed.length === 0) next();
    else res.writeHead(204, { Allow: [...allowed, "OPTIONS"].sort().join(", ") }).end();
  };
}

/**
 * Answers what no route took: 405 with `Allow` (and a hint, where the contracts have one) on a path that the table knows with other methods, 404
 * otherwise. Takes the whole table, those of other services included, and after it whatever is served beside.
 */
export function createNotFoundHandler(routes: Iterable<Pick<Route, "method" | "path">>): RequestHandler {
  const known = knownPaths(routes);
  const hints = methodHints.map(({ path, ...hint }) => ({ ...hint, pattern: patternOf(path) }));
  return (req) => {
    const allowed = methodsOf(known, req.path);
    // A path whose method another service serves came to the wrong door; here it does not exist.
    if (allowed.length === 0 || allowed.includes(req.method)) throw new ProblemError("route-not-found");
    const hint = hints.find(({ method, pattern }) => method === req.method && pattern.test(req.path))?.hint;
    const allow = allowed.sort().join(", ");
    throw new ProblemError("method-not-allowed", {
      detail: `This path takes ${allow}.${hint === undefined ? "" : ` ${hint}`}`,
      headers: { Allow: allow },
    });
  };
}

function methodsOf(known: readonly KnownPath[], path: string): string[] {
  return [...new Set(known.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => [...methods]))];
}

function knownPaths(routes: Iterable<Pick<Route, "method" | "path">>): KnownPath[] {
  const byPath = new Map<string, Set<string>>();
  for (const { method, path } of routes) {
    const methods = byPath.get(path) ?? new Set<string>();
    byPath.set(path, methods.add(method.toUpperCase()));
    if (method === "get") methods.add("HEAD");
  }
  return [...byPath].map(([path, methods]) => ({ pattern: patternOf(path), methods }));
}

/** Matches as Express does by default: any case, with or without a slash at the end. */
function patternOf(path: string): RegExp {
  const literal = path.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${literal.replaceAll(/\{\w+\}/g, "[^/]+")}/?$`, "i");
}
