import type { IncomingMessage } from "node:http";

/**
 * Returns the path of a request without its query. Also handles a target in absolute form (`GET http://host/path`),
 * whose host is only the client's claim.
 */
export function requestPath(req: IncomingMessage & { originalUrl?: string }): string {
  const target = req.originalUrl ?? req.url ?? "";
  const path = target.startsWith("/") ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  return path.split("?", 1)[0] ?? "";
}
