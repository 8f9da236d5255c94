/**
 * The lines of a history and of a final state, each one JSON object. Both are all that the verifier knows of a run.
 *
 * Times are nanoseconds of one monotonic clock since the run's start. Applications are called by labels (`a`, `b`), never
 * by their tokens. Bodies begin with a `uid` that no other message has: `<application>.<chat>.<client>.<counter>`.
 */
export type HistoryLine = RunLine | Operation | WindowLine | ProbeLine | SampleLine;

/** What a fault may do to the promises, by the documents. All else is an anomaly. */
export interface Expectations {
  /** Messages acknowledged before Redis lost data (a window with `loses`) may be lost, and their numbers given again. */
  readonly loses?: boolean;
  /** Messages to a chat that MySQL has lost become dead letters. */
  readonly deadLetters?: boolean;
  /** Numbers that were burned may be missing in a chat. */
  readonly gaps?: boolean;
  /** Reads within a fault's window may miss what is accepted and not yet stored. */
  readonly staleReads?: boolean;
  /** From the end of the last window until every request is served again. */
  readonly recoverWithinMs: number;
  /** The longest that any answer may take, also during the fault. */
  readonly answerWithinMs: number;
  /** Whether each request must be answered with a success: a stop that loses nothing. */
  readonly noFailures?: boolean;
  /** Operations of which one must be answered with 503 during the fault: else it did not bite, and the run shows nothing. */
  readonly bites?: readonly Operation["op"][];
  /** Statuses that are no failure of service even in calm times, as 429 is for a sender above its limit. */
  readonly calmStatuses?: readonly number[];
  /** Processes that the fault itself stops or starves: their memory and event loop are not judged. */
  readonly unjudgedProcesses?: readonly string[];
}

export interface RunLine {
  readonly type: "run";
  readonly fault: string;
  readonly title: string;
  readonly seed: number;
  readonly startedAt: string;
  readonly expectations: Expectations;
  /** The processes that are alive at the end, by service. */
  readonly processes: Readonly<Record<"ingest" | "api" | "worker", readonly string[]>>;
  /** The secret word that each message of an application holds. */
  readonly canaries: Readonly<Record<string, string>>;
}

/** A message as it was seen: its number, its uid, a hash of its whole body. */
export type Item = readonly [number: number, uid: string, hash: string];

export type Outcome = "ok" | "info" | "fail";

/** One request of one client. */
export interface Operation {
  readonly type: "op";
  readonly op: "send" | "create" | "get" | "list" | "search" | "count";
  readonly client: string;
  /** The process that was asked. */
  readonly via: string;
  readonly app: string;
  /** 0 where a chat is created. */
  readonly chat: number;
  readonly t0: number;
  readonly t1: number;
  /** ok: done, or read. fail: certainly not done. info: nobody knows. */
  readonly outcome: Outcome;
  /** 0 where there was no answer. */
  readonly status: number;
  /** The problem's code, or the connection's error. */
  readonly problem?: string;
  /** send: the message. get, search: the one that was looked for. create: the chat's name. */
  readonly uid?: string;
  readonly hash?: string;
  readonly key?: string;
  readonly attempt?: number;
  /** send: the answered one. get: the asked one. create: the chat's. */
  readonly number?: number;
  /** list: from where on. */
  readonly after?: number;
  readonly descending?: boolean;
  /** list: there is a further page. */
  readonly more?: boolean;
  readonly items?: readonly Item[];
  /** count: the chat's messages_count. */
  readonly count?: number;
}

/** The nemesis' own timeline. */
export interface WindowLine {
  readonly type: "window";
  readonly t0: number;
  readonly t1: number;
  readonly what: string;
  /** Redis lost data in it. */
  readonly loses?: boolean;
}

/** The way of one message after the last fault, in ms from its first attempt; undefined where it did not get so far in time. */
export interface ProbeLine {
  readonly type: "probe";
  readonly at: number;
  readonly ingest: string;
  readonly uid: string;
  readonly acceptedMs?: number;
  readonly storedMs?: number;
  /** By api process. */
  readonly readableMs: Readonly<Record<string, number>>;
  readonly searchableMs: Readonly<Record<string, number>>;
}

/** What a process used since the sample before. */
export interface SampleLine {
  readonly type: "sample";
  readonly at: number;
  readonly process: string;
  readonly rssBytes: number;
  /** The longest time in which the event loop was busy: its lag, as far as the process had a processor. */
  readonly blockedMs: number;
}

export type FinalLine = QuietLine | ApplicationLine | ChatLine | MessageLine;

/** Whether the system came to rest before its state was read. */
export interface QuietLine {
  readonly type: "quiet";
  readonly reached: boolean;
  readonly afterMs: number;
  readonly pending: number;
  readonly outbox: number;
  readonly failedJobs: number;
}

export interface ApplicationLine {
  readonly type: "application";
  readonly app: string;
  readonly chatsCount: number;
  /** COUNT(*) */
  readonly chats: number;
}

export interface ChatLine {
  readonly type: "chat";
  readonly app: string;
  readonly chat: number;
  readonly name: string | null;
  readonly messagesCount: number;
}

/** A message in a table (`row`, `dead-letter`), in the index (`document`), or as the api lists it (`listed`). */
export interface MessageLine {
  readonly type: "row" | "dead-letter" | "document" | "listed";
  readonly app: string;
  readonly chat: number;
  readonly number: number;
  readonly uid: string;
  readonly hash: string;
}
