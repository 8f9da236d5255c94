import { Router } from "express";

/**
 * Creates a router whose paths match exactly, like in the reverse proxy: case-sensitive and without a trailing slash.
 */
export function createRouter(): Router {
  return Router({ caseSensitive: true, strict: true });
}
