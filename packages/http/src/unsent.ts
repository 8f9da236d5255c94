import { ProblemError } from "@confab/contracts";
import type { Response } from "express";

export interface UnsentOptions {
  /** Maximum bytes of all unread answers together. */
  readonly maxBytes: number;
  /** How long a client may take to read an answer before its connection may be closed to make room. */
  readonly timeoutMs: number;
}

/** The bytes of answers that clients have not read yet. */
export interface Unsent {
  /** Counts an answer until it is sent; throws a `busy` problem if there is no room, unless the answer must not be refused. */
  add(res: Response, bytes: number, isRefusable: boolean): void;
  readonly bytes: number;
}

/** Smaller answers fit into the kernel's buffers. */
const countedBytes = 16_384;

/**
 * Bounds the memory of answers that clients read slowly or not at all. When it is used up, the connection with the oldest unread
 * answer is closed after some time, so clients that never read cannot keep out those that do.
 */
export function createUnsent({ maxBytes, timeoutMs }: UnsentOptions): Unsent {
  const answers = new Map<Response, { bytes: number; since: number }>();
  let total = 0;

  function remove(res: Response): void {
    total -= answers.get(res)?.bytes ?? 0;
    answers.delete(res);
  }
  function makeRoom(bytes: number): boolean {
    for (const [res, { since }] of answers) {
      if (total + bytes <= maxBytes) break;
      if (performance.now() - since < timeoutMs) return false;
      remove(res);
      res.destroy();
    }
    return total + bytes <= maxBytes;
  }

  return {
    add(res, bytes, isRefusable) {
      if (bytes <= countedBytes) return;
      if (!makeRoom(bytes) && isRefusable) {
        throw new ProblemError("busy", {
          detail:
            "Unread answers already hold all of this process's memory for answers. Send the request again after Retry-After.",
        });
      }
      answers.set(res, { bytes, since: performance.now() });
      total += bytes;
      res.once("close", () => {
        remove(res);
      });
    },
    get bytes() {
      return total;
    },
  };
}

/** The counter of the server that an answer belongs to. */
export function unsentOf(res: Response): Unsent | undefined {
  return (res.app.locals as { unsent?: Unsent }).unsent;
}
