import { ProblemError } from "@confab/contracts";
import type { Response } from "express";

export interface UnsentOptions {
  /** What all answers that are on their way may hold. */
  readonly maxBytes: number;
  /** How long an answer may take before its connection has to make room where that is needed. */
  readonly patienceMs: number;
}

/** Bytes of answers that clients have not taken yet. */
export interface Unsent {
  /** Counts an answer until it is out; throws a `busy` problem where there is no room, unless the answer must not be refused. */
  add(res: Response, bytes: number, isRefusable: boolean): void;
  readonly bytes: number;
}

/** Smaller answers fit the buffers of the kernel. */
const countedBytes = 16_384;

/**
 * Bounds what answers hold in memory while clients take them slowly or not at all. Where all is used, the oldest that is not out after some time loses
 * its connection, so that clients which never read cannot keep out those that do.
 */
export function createUnsent({ maxBytes, patienceMs }: UnsentOptions): Unsent {
  const answers = new Map<Response, { bytes: number; since: number }>();
  let total = 0;

  function remove(res: Response): void {
    total -= answers.get(res)?.bytes ?? 0;
    answers.delete(res);
  }
  function makeRoom(bytes: number): boolean {
    for (const [res, { since }] of answers) {
      if (total + bytes <= maxBytes) break;
      if (performance.now() - since < patienceMs) return false;
      remove(res);
      res.destroy();
    }
    return total + bytes <= maxBytes;
  }

  return {
    add(res, bytes, isRefusable) {
      if (bytes <= countedBytes) return;
      if (!makeRoom(bytes) && isRefusable) {
        throw new ProblemError("busy", { detail: "Too many answers wait here until their clients have read them." });
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

/** That of the server which an answer belongs to. */
export function unsentOf(res: Response): Unsent | undefined {
  return (res.app.locals as { unsent?: Unsent }).unsent;
}
