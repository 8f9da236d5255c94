import { invalidKey, type Access } from "@confab/access";
import type { Request, Response } from "express";
import type { RequestContext } from "./request-context.ts";

/**
 * Keeps the connection for this long although nothing is sent on it. The signal aborts when the client leaves or may not read any more. The duration of the
 * request then says nothing about the service, and is not observed.
 */
export type Hold = (forMs: number) => AbortSignal;

/** How long the answer to a request that has waited may take. */
const answerMs = 30_000;

/** Lets a request wait until its client leaves or may not read any more. `end` throws 401 in the second case. */
export function createHolding(req: Request, res: Response, context: RequestContext, access: Access | undefined) {
  let isRefused = false;
  let unwatch: (() => void) | undefined;
  return {
    hold: (forMs: number): AbortSignal => {
      context.onHold?.();
      // Without this, the server closes a connection on which nothing happens. The next request sets its own timeout.
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
