import type { IncomingMessage } from "node:http";

/** The path that was asked for, without its query; of a target in absolute form (`GET http://host/path`) the path alone, since the host is the client's word. */
export function requestPath(req: IncomingMessage & { originalUrl?: string }): string {
  const target = req.originalUrl ?? req.url ?? "";
  const path = target.startsWith("/") ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  return path.split("?", 1)[0] ?? "";
}
