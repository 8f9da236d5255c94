import { Router } from "express";

/**
 * Creates a router whose paths match exactly, like the reverse proxy's: in the same case, without a slash at the end.
 */
export function createRouter(): Router {
  return Router({ caseSensitive: true, strict: true });
}
