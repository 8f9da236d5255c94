import { invalidKey, type Access } from "@confab/access";
import type { Request, Response } from "express";
import type { RequestContext } from "./request-context.ts";

/**
 * Keeps the connection open for this long although nothing is sent on it. Returns a signal that aborts when the client
 * leaves or may no longer read. The duration of a held request says nothing about the service and is not observed.
 */
export type Hold = (forMs: number) => AbortSignal;

/** Time in ms that the answer to a held request may take after the wait. */
const answerMs = 30_000;

/**
 * Creates the functions for a request that waits: `hold`, and `end`, which throws 401 if the client may no longer read.
 */
export function createHolding(req: Request, res: Response, context: RequestContext, access: Access | undefined) {
  let isRefused = false;
  let unwatch: (() => void) | undefined;
  return {
    hold: (forMs: number): AbortSignal => {
      context.onHold?.();
      // Without this timeout, the server would close the idle connection. The next request sets its own.
      req.socket.setTimeout(forMs + answerMs);
      const leaving = new AbortController();
      unwatch = access?.watch(context.principal, () => {
        isRefused = true;
        leaving.abort();
      });
      res.once("close", () => {
        unwatch?.();
        leaving.abort();
      });
      return leaving.signal;
    },
    end(): void {
      if (isRefused) throw invalidKey();
    },
  };
}
