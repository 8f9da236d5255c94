/**
 * The lines of a history and of a final state, one JSON object per line. The verifier knows nothing else about a run.
 *
 * Times are nanoseconds since the run's start, on one monotonic clock. Applications have labels (`a`, `b`) instead of
 * tokens. Each body begins with a unique `uid`: `<application>.<chat>.<client>.<counter>`.
 */
export type HistoryLine = RunLine | Operation | EventLine | WindowLine | ProbeLine | SampleLine;

/** The effects on the promises that the documentation allows a fault. Any other violation is an anomaly. */
export interface Expectations {
  /**
   * Messages acknowledged before Redis lost data (a window with `loses`) may be lost, and their numbers assigned again.
   */
  readonly loses?: boolean;
  /** MySQL loses its latest transactions: changes that were acknowledged before the end of a window with `loses` may be undone. */
  readonly losesChanges?: boolean;
  /** Messages may become dead letters, for example because MySQL has lost their chat. */
  readonly deadLetters?: boolean;
  /** Numbers of a chat may be missing because they were assigned and not used. */
  readonly gaps?: boolean;
  /** Reads within a fault's window may miss pending messages. */
  readonly staleReads?: boolean;
  /** The maximum time from the end of the last window until every request is served again. */
  readonly recoverWithinMs: number;
  /** The maximum time of any answer, also during the fault. */
  readonly answerWithinMs: number;
  /** Whether every request must succeed. */
  readonly noFailures?: boolean;
  /**
   * At least one of these operations must be answered with 503 during the fault. Otherwise the fault had no effect, and
   * the run proves nothing.
   */
  readonly bites?: readonly Operation["op"][];
  /**
   * The maximum time from the acknowledgement of a message to its event in the streams that were open by then. During a fault and
   * the recovery after it, the event may take `recoverWithinMs` longer.
   */
  readonly streamedWithinMs?: number;
  /** Statuses that are not failures even without a fault, such as 429 for a sender above its limit. */
  readonly calmStatuses?: readonly number[];
  /** Processes that the fault itself stops or starves. Their memory and event loop are not judged. */
  readonly unjudgedProcesses?: readonly string[];
}

export interface RunLine {
  readonly type: "run";
  readonly fault: string;
  readonly title: string;
  readonly seed: number;
  readonly startedAt: string;
  readonly expectations: Expectations;
  /** The chat that is deleted during the run; undefined if none is. */
  readonly doomed?: { readonly app: string; readonly chat: number };
  /** The processes that are alive at the end, by service. */
  readonly processes: Readonly<Record<"ingest" | "api" | "worker", readonly string[]>>;
  /** The secret word in each message of an application. */
  readonly canaries: Readonly<Record<string, string>>;
}

/**
 * A message as a client saw it: its number, its uid and a hash of its whole body, both empty if it was deleted, and its
 * version.
 */
export type Item = readonly [number: number, uid: string, hash: string, version?: number];

export type Outcome = "ok" | "info" | "fail";

export type ReadOp = "get" | "list" | "search" | "count" | "stream";

/** One request of one client. */
export interface Operation {
  readonly type: "op";
  readonly op: ReadOp | "send" | "edit" | "remove" | "create" | "erase" | "erase-sender" | "horizon";
  readonly client: string;
  /** The process that was asked. */
  readonly via: string;
  readonly app: string;
  /** 0 for the creation of a chat and the erasure of a sender. */
  readonly chat: number;
  readonly t0: number;
  readonly t1: number;
  /** ok: done, or read. fail: certainly not done. info: unknown. */
  readonly outcome: Outcome;
  /** 0 if there was no answer. */
  readonly status: number;
  /** The problem's code, or the connection's error. */
  readonly problem?: string;
  /** send, edit, remove: the message. get, search: the wanted message. create: the chat's name. */
  readonly uid?: string;
  /** send: of the message. erase-sender: whose messages. horizon: whose. */
  readonly sender?: string;
  /** send: of the body. edit: of the new body. */
  readonly hash?: string;
  readonly key?: string;
  readonly attempt?: number;
  /** send, horizon: the number in the answer. get, edit, remove: the number in the request. create: the chat's number. */
  readonly number?: number;
  /** edit, remove: the version in If-Match. */
  readonly ifMatch?: number;
  /** edit: the version and the change number in the answer. */
  readonly version?: number;
  readonly change?: number;
  /** list: the number after which the page begins. */
  readonly after?: number;
  readonly descending?: boolean;
  /** list: whether there is another page. */
  readonly more?: boolean;
  readonly items?: readonly Item[];
  /** count: the chat's messages_count. */
  readonly count?: number;
}

/** One event that a reader of a chat's stream received. */
export interface EventLine {
  readonly type: "event";
  readonly at: number;
  readonly client: string;
  readonly via: string;
  readonly app: string;
  readonly chat: number;
  /** Counts the connections of the reader. */
  readonly connection: number;
  readonly event: "message" | "edited" | "deleted" | "gap" | "reset" | "caught-up" | "goodbye";
  /** The position in the event's id; a goodbye has none. */
  readonly position?: readonly [number: number, change: number];
  readonly item?: Item;
  /** The change number of the message. */
  readonly change?: number;
  /** gap: the first and the last number. */
  readonly gap?: readonly [from: number, to: number];
}

/** One period in which the nemesis did harm. */
export interface WindowLine {
  readonly type: "window";
  readonly t0: number;
  readonly t1: number;
  readonly what: string;
  /** Redis lost data in this window. */
  readonly loses?: boolean;
}

/**
 * The path of one message after the last fault, in ms since its first attempt. A step that it did not reach in time is
 * missing.
 */
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

/** The resources that a process used since the previous sample. */
export interface SampleLine {
  readonly type: "sample";
  readonly at: number;
  readonly process: string;
  readonly rssBytes: number;
  /** The longest time for which the event loop was busy. Excludes the time in which it had no processor. */
  readonly blockedMs: number;
}

export type FinalLine =
  QuietLine | ApplicationLine | ChatLine | MessageLine | VersionLine | ChangeLine | HorizonLine | RemainsLine;

/** Whether the system had finished all work before its state was read. */
export interface QuietLine {
  readonly type: "quiet";
  readonly reached: boolean;
  readonly afterMs: number;
  readonly pending: number;
  readonly outbox: number;
  /** Deletions of chats that are not carried out. */
  readonly erasures: number;
  readonly failedJobs: number;
}

export interface ApplicationLine {
  readonly type: "application";
  readonly app: string;
  readonly chatsCount: number;
  /** The number of rows. */
  readonly chats: number;
}

export interface ChatLine {
  readonly type: "chat";
  readonly app: string;
  readonly chat: number;
  readonly name: string | null;
  readonly messagesCount: number;
  readonly lastChange: number;
}

/**
 * A message in a table (`row`, `dead-letter`), in the index (`document`), or as the api lists it (`listed`). The hash
 * belongs to the current body. A deleted message has neither uid nor hash.
 */
export interface MessageLine {
  readonly type: "row" | "dead-letter" | "document" | "listed";
  readonly app: string;
  readonly chat: number;
  readonly number: number;
  readonly uid: string;
  readonly hash: string;
  /** row, listed: how often it was written. */
  readonly version?: number;
  /** row: its change number. */
  readonly change?: number;
  /** row, listed. */
  readonly deleted?: boolean;
  /** row. */
  readonly sender?: string;
}

/** An earlier version of a message. */
export interface VersionLine {
  readonly type: "version";
  readonly app: string;
  readonly chat: number;
  readonly number: number;
  readonly version: number;
  readonly uid: string;
  readonly hash: string;
}

/** The latest change of a message. */
export interface ChangeLine {
  readonly type: "change";
  readonly app: string;
  readonly chat: number;
  readonly change: number;
  readonly number: number;
}

/** How far a sender has read a chat. */
export interface HorizonLine {
  readonly type: "horizon";
  readonly app: string;
  readonly chat: number;
  readonly sender: string;
  readonly number: number;
}

/** How much of the deleted chat a store or the api has in the end. */
export interface RemainsLine {
  readonly type: "remains";
  readonly store: "mysql" | "redis" | "elasticsearch" | "api";
  /** The table, the pattern of the keys, the index, or the path. */
  readonly what: string;
  readonly count: number;
}
