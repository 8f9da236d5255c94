import { createFairShare, withTimeout } from "@confab/runtime";
import { IntakeBusy } from "./batcher.ts";
import { createTokenCheck, type TokenCheckOptions } from "./token-check.ts";

/** The database was not asked, or gave no answer in time: the message was not taken. */
export class ChatsUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ChatsUnavailable";
  }
}

export interface ChatInDatabase {
  id: bigint;
  lastNumber: number;
}

export interface HeadLoaderOptions {
  /** What the database knows of a chat; undefined: there is none. Throws where it cannot be asked. */
  readonly loadHead: (token: string, chat: number) => Promise<ChatInDatabase | undefined>;
  /** Without it, every token is taken for an application's. */
  readonly findApplications?: TokenCheckOptions["findApplications"] | undefined;
  /** Chats that are asked for at once: a restart of Redis must not exhaust the database's connections. */
  readonly width?: number;
  /** Chats of all and of one application that may wait to be asked for; beyond it they are refused at once. */
  readonly maxWaiting?: number;
  readonly maxWaitingOfOne?: number;
  /** From the question to its refusal where no answer comes. */
  readonly deadlineMs: number;
  /** For so long nobody is asked after a failure; then one question at a time tries whether the database is back. */
  readonly pauseMs?: number;
}

export type Loaded = ChatInDatabase | "unknown-chat" | "unknown-application";

/**
 * Asks the database about chats that Redis does not know, with a bound on how many wait and for how long. After a failure everybody is refused at
 * once until a single question succeeds, so that an outage of the database keeps no request. Applications take turns.
 */
export function createHeadLoader(options: HeadLoaderOptions): (token: string, chat: number) => Promise<Loaded> {
  const { loadHead, findApplications, deadlineMs, pauseMs = 500 } = options;
  const { width = 8, maxWaiting = 10_000, maxWaitingOfOne = 1_000 } = options;
  const inTurn = createFairShare({
    ...{ total: width, perKey: width, waiting: maxWaiting, waitingPerKey: maxWaitingOfOne },
    // The deadline comes first.
    waitMs: 2 * deadlineMs,
    refuse: () => new IntakeBusy("too many chat heads are being loaded"),
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

  const late = (): Error => new ChatsUnavailable(`the database did not answer within ${deadlineMs} ms`);
  const findInTime = (token: string, chat: number): Promise<Loaded> => withTimeout(find(token, chat), deadlineMs, late);

  return async (token, chat) => {
    if (failure === undefined) return findInTime(token, chat);
    if (isTrying || performance.now() < failure.until) {
      throw new ChatsUnavailable("the database did not answer a moment ago", { cause: failure.error });
    }
    isTrying = true;
    try {
      return await findInTime(token, chat);
    } finally {
      isTrying = false;
    }
  };
}
