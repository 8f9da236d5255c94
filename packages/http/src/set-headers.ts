import type { ServerResponse } from "node:http";

/** Sets headers that are given as alternating names and values. */
export function setHeaders(res: ServerResponse, headers: readonly string[]): void {
  for (let at = 0; at < headers.length; at += 2) res.setHeader(headers[at]!, headers[at + 1]!);
}
