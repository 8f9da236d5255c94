import { ProblemError } from "@confab/contracts";
import type { Response } from "express";
import type { Owner } from "./route-types.ts";
import { createHoldings } from "./holdings.ts";

export interface UnsentOptions {
  /** Maximum number of bytes of all unread answers together. */
  readonly maxBytes: number;
  /**
   * Time in ms that a client has to read an answer. After that, the connection may be closed to make room even for
   * answers to owners who hold most themselves.
   */
  readonly timeoutMs: number;
}

/** The memory that an unread answer occupies. */
export interface Content {
  readonly bytes: number;
  /** Identity of the memory: answers with the same object share it. */
  readonly memory: object;
}

/** Counts the bytes of answers that clients have not read yet. */
export interface Unsent {
  /**
   * Counts an answer until it is sent; throws a `busy` problem if there is no room and `isRefusable` is true. Answers
   * with the same content count once.
   */
  add(res: Response, content: Content, isRefusable: boolean, owner: Owner): void;
  /** Throws a `busy` problem if there is no room for another answer. Call it before working on an answer. */
  expectRoom(owner: Owner): void;
  readonly bytes: number;
}

/** Minimum size of answers that are counted; smaller ones fit into the kernel's buffers. */
export const countedBytes = 16_384;

/** Content that some of its readers have not read yet. Its bytes count for the first of these readers. */
interface Unread {
  readonly bytes: number;
  readonly since: number;
  readonly readers: Map<Response, Owner>;
}

/**
 * Limits the memory of answers that clients read slowly or not at all. When the memory is used up, the application that
 * holds most is chosen, and in it the user who holds most: the oldest answer to this user is dropped. Thus clients that
 * read nothing cannot keep out those that hold less. An owner that holds most itself is refused until an answer is
 * overdue.
 */
export function createUnsent({ maxBytes, timeoutMs }: UnsentOptions): Unsent {
  /** Unread contents, oldest first. */
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

  /** Returns the answer to drop before this owner gets more bytes, or undefined if the owner must be refused. */
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

/** Returns the counter of unread bytes in the answer's server, or undefined if the server has none. */
export function unsentOf(res: Response): Unsent | undefined {
  return (res.app.locals as { unsent?: Unsent }).unsent;
}
