import { ProblemError } from "@confab/contracts";
import type { Response } from "express";

export interface UnsentOptions {
  /** Maximum bytes of all unread answers together. */
  readonly maxBytes: number;
  /** How long a client may take to read an answer before its connection may be closed to make room. */
  readonly timeoutMs: number;
}

/** The memory that an answer keeps. */
export interface Content {
  readonly bytes: number;
  /** Identifies the memory: answers with the same one share it. */
  readonly memory: object;
}

/** The bytes of answers that clients have not read yet. */
export interface Unsent {
  /**
   * Counts an answer until it is sent; throws a `busy` problem if there is no room, unless the answer must not be refused. Answers
   * with the same content count once.
   */
  add(res: Response, content: Content, isRefusable: boolean): void;
  /** Throws a `busy` problem if there is no room for another answer. Call it before the work for one. */
  expectRoom(): void;
  readonly bytes: number;
}

/** Smaller answers fit into the kernel's buffers. */
const countedBytes = 16_384;

/**
 * Bounds the memory of answers that clients read slowly or not at all. When it is used up, the connection with the oldest unread
 * answer is closed after some time, so clients that never read cannot keep out those that do.
 */
export function createUnsent({ maxBytes, timeoutMs }: UnsentOptions): Unsent {
  const answers = new Map<Response, { content: Content; since: number }>();
  const holders = new Map<object, number>();
  let total = 0;

  function remove(res: Response): void {
    const content = answers.get(res)?.content;
    if (content === undefined) return;
    answers.delete(res);
    const others = (holders.get(content.memory) ?? 1) - 1;
    if (others > 0) {
      holders.set(content.memory, others);
      return;
    }
    holders.delete(content.memory);
    total -= content.bytes;
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

  function expectRoom(bytes: number): void {
    if (makeRoom(bytes)) return;
    throw new ProblemError("busy", {
      detail:
        "Unread answers already hold all of this process's memory for answers. Send the request again after Retry-After.",
    });
  }

  return {
    expectRoom: () => {
      expectRoom(countedBytes);
    },
    add(res, content, isRefusable) {
      if (content.bytes <= countedBytes) return;
      if (!holders.has(content.memory)) {
        if (isRefusable) expectRoom(content.bytes);
        else makeRoom(content.bytes);
        total += content.bytes;
      }
      holders.set(content.memory, (holders.get(content.memory) ?? 0) + 1);
      answers.set(res, { content, since: performance.now() });
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
