import { ProblemError } from "@confab/contracts";
import type { Response } from "express";
import type { Owner } from "./route-types.ts";
import { createHoldings } from "./holdings.ts";

export interface UnsentOptions {
  /** Maximum bytes of all unread answers together. */
  readonly maxBytes: number;
  /** How long a client may take to read an answer before its connection may be closed to make room for others of its own. */
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
  add(res: Response, content: Content, isRefusable: boolean, owner: Owner): void;
  /** Throws a `busy` problem if there is no room for another answer. Call it before the work for one. */
  expectRoom(owner: Owner): void;
  readonly bytes: number;
}

/** Smaller answers fit into the kernel's buffers. */
export const countedBytes = 16_384;

/** Those who have not read a content yet. It counts for the first of them. */
interface Unread {
  readonly bytes: number;
  readonly since: number;
  readonly readers: Map<Response, Owner>;
}

/**
 * Bounds the memory of answers that clients read slowly or not at all. When it is used up, whoever holds most loses the oldest answer: first
 * the application that holds most, and in it the user. So nobody who reads nothing keeps out those who hold less. Those who hold most
 * themselves are refused, until an answer is overdue.
 */
export function createUnsent({ maxBytes, timeoutMs }: UnsentOptions): Unsent {
  /** The oldest first. */
  const contents = new Map<object, Unread>();
  const memories = new Map<Response, object>();
  const holdings = createHoldings();
  let total = 0;

  function remove(res: Response): void {
    const memory = memories.get(res);
    const unread = memory && contents.get(memory);
    if (memory === undefined || unread === undefined) return;
    memories.delete(res);
    const { bytes, readers } = unread;
    holdings.add(holderOf(unread), -bytes);
    readers.delete(res);
    if (readers.size > 0) {
      holdings.add(holderOf(unread), bytes);
      return;
    }
    contents.delete(memory);
    total -= bytes;
  }

  /** Finds what has to go before this owner gets more bytes. */
  function nextToGo(owner: Owner, bytes: number): Unread | undefined {
    const most = holdings.most(owner, bytes);
    for (const unread of contents.values()) {
      if (most === undefined) return performance.now() - unread.since < timeoutMs ? undefined : unread;
      const { token, user } = holderOf(unread);
      if (token === most.token && user === most.user) return unread;
    }
    return undefined;
  }

  function makeRoom(owner: Owner, bytes: number): boolean {
    while (total + bytes > maxBytes) {
      const unread = nextToGo(owner, bytes);
      if (unread === undefined) return false;
      for (const res of unread.readers.keys()) {
        remove(res);
        res.destroy();
      }
    }
    return true;
  }

  function expectRoom(owner: Owner, bytes: number): void {
    if (makeRoom(owner, bytes)) return;
    throw new ProblemError("busy", {
      detail:
        "Unread answers already hold all of this process's memory for answers. Send the request again after Retry-After.",
    });
  }

  return {
    expectRoom: (owner) => {
      expectRoom(owner, countedBytes);
    },
    add(res, { bytes, memory }, isRefusable, owner) {
      if (bytes <= countedBytes) return;
      let unread = contents.get(memory);
      if (unread === undefined) {
        if (isRefusable) expectRoom(owner, bytes);
        else makeRoom(owner, bytes);
        unread = { bytes, since: performance.now(), readers: new Map() };
        contents.set(memory, unread);
        holdings.add(owner, bytes);
        total += bytes;
      }
      unread.readers.set(res, owner);
      memories.set(res, memory);
      res.once("close", () => {
        remove(res);
      });
    },
    get bytes() {
      return total;
    },
  };
}

function holderOf({ readers }: Unread): Owner {
  return readers.values().next().value!;
}

/** Returns the counter of the server that an answer belongs to. */
export function unsentOf(res: Response): Unsent | undefined {
  return (res.app.locals as { unsent?: Unsent }).unsent;
}
