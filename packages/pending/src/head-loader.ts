import { createFairShare, withTimeout } from "@confab/async";
import { AcceptorBusy } from "./batcher.ts";
import { createTokenCheck, type TokenCheckOptions } from "./token-check.ts";

/** The database was not queried, or did not answer in time. The message was not accepted. */
export class ChatsUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ChatsUnavailable";
  }
}

export interface StoredHead {
  readonly id: bigint;
  readonly lastNumber: number;
  /** The epoch of the chat's application. It began with the latest request to erase a sender. */
  readonly epoch: number;
}

export interface HeadLoaderOptions {
  /**
   * Reads the chat head from the database. Returns undefined if the chat does not exist. Throws if the database is
   * unavailable.
   */
  readonly loadHead: (token: string, chat: number) => Promise<StoredHead | undefined>;
  /** Finds applications by token. Without it, every token is assumed to belong to an application. */
  readonly findApplications?: TokenCheckOptions["findApplications"] | undefined;
  /**
   * Maximum number of chat heads that are loaded at once. Without a limit, a restart of Redis would exhaust the
   * database connections.
   */
  readonly width?: number;
  /**
   * Maximum number of chats that wait for their head, in total and per application. Further ones are refused
   * immediately.
   */
  readonly maxWaiting?: number;
  readonly maxWaitingOfOne?: number;
  /** Maximum time in ms until the answer. Afterwards, the load is rejected. */
  readonly deadlineMs: number;
  /**
   * Time in ms without loads after a failure. Afterwards, one load at a time checks whether the database is available
   * again.
   */
  readonly pauseMs?: number;
}

export type Loaded = StoredHead | "unknown-chat" | "unknown-application";

/**
 * Loads chat heads from the database. Limits how many loads wait, and for how long. After a failure, refuses every load
 * immediately until a single one succeeds, so that requests do not wait while the database is unavailable. Applications
 * take turns.
 */
export function createHeadLoader(options: HeadLoaderOptions): (token: string, chat: number) => Promise<Loaded> {
  const { loadHead, findApplications, deadlineMs, pauseMs = 500 } = options;
  const { width = 8, maxWaiting = 10_000, maxWaitingOfOne = 1_000 } = options;
  const inTurn = createFairShare({
    total: width,
    perKey: width,
    waiting: maxWaiting,
    waitingPerKey: maxWaitingOfOne,
    // This time is never reached, because the deadline ends earlier.
    waitMs: 2 * deadlineMs,
    refuse: () => new AcceptorBusy("too many chat heads are being loaded"),
  });
  const isApplication =
    findApplications && createTokenCheck({ findApplications: (tokens) => watched(findApplications(tokens)) });
  let failure: { error: unknown; until: number } | undefined;
  let isTrying = false;

  async function watched<T>(question: Promise<T>): Promise<T> {
    try {
      const answer = await question;
      failure = undefined;
      return answer;
    } catch (error) {
      failure = { error, until: performance.now() + pauseMs };
      throw error;
    }
  }

  async function find(token: string, chat: number): Promise<Loaded> {
    if (isApplication && !(await isApplication(token))) return "unknown-application";
    return (await inTurn(token, () => watched(loadHead(token, chat)))) ?? "unknown-chat";
  }

  const late = (): Error => new ChatsUnavailable(`The database did not answer within ${deadlineMs} ms`);
  const findInTime = (token: string, chat: number): Promise<Loaded> => withTimeout(find(token, chat), deadlineMs, late);

  return async (token, chat) => {
    if (failure === undefined) return findInTime(token, chat);
    if (isTrying || performance.now() < failure.until) {
      throw new ChatsUnavailable("The database did not answer a moment ago", { cause: failure.error });
    }
    isTrying = true;
    try {
      return await findInTime(token, chat);
    } finally {
      isTrying = false;
    }
  };
}
