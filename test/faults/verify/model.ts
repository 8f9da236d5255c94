import type {
  ApplicationLine,
  ChangeLine,
  ChatLine,
  EventLine,
  FinalLine,
  HistoryLine,
  HorizonLine,
  Item,
  MessageLine,
  Operation,
  Outcome,
  ProbeLine,
  QuietLine,
  RemainsLine,
  RunLine,
  SampleLine,
  VersionLine,
  WindowLine,
} from "../history/lines.ts";

/** One message as its sender knows it, with all attempts. */
export interface Sent {
  readonly uid: string;
  readonly app: string;
  readonly chat: number;
  readonly hash: string;
  readonly sender: string | undefined;
  /** In the order of their start. */
  readonly attempts: readonly Operation[];
  readonly outcome: Outcome;
  /** The number in the first acknowledgement; undefined unless ok. */
  readonly number: number | undefined;
  readonly beganAt: number;
  /** The time of the first acknowledgement; Infinity unless ok. */
  readonly knownAt: number;
}

/** The deletion of a chat, as its clients know it. */
export interface Erasure {
  readonly chat: string;
  readonly operations: readonly Operation[];
  /** The start of the first attempt; Infinity if there was none. */
  readonly beganAt: number;
  /** The time of the first acknowledgement; Infinity if there was none. */
  readonly knownAt: number;
  readonly remains: readonly RemainsLine[];
}

/** A run, indexed for the checks. */
export interface Model {
  readonly run: RunLine;
  readonly operations: readonly Operation[];
  readonly sent: ReadonlyMap<string, Sent>;
  readonly events: readonly EventLine[];
  /** The deletion of a chat. The requests and events of that chat are here, and nowhere else. */
  readonly erasure: Erasure | undefined;
  /** The edits and deletions of each message, by the `messageKey` of their target, in the order of their start. */
  readonly changesOf: ReadonlyMap<string, readonly Operation[]>;
  /** The requests to erase what a sender wrote. */
  readonly senderErasures: readonly Operation[];
  readonly horizons: readonly HorizonLine[];
  /** The acknowledged messages, by the `messageKey` of their number. */
  readonly owners: ReadonlyMap<string, Sent>;
  readonly windows: readonly WindowLine[];
  readonly probes: readonly ProbeLine[];
  readonly samples: readonly SampleLine[];
  readonly quiet: QuietLine | undefined;
  readonly applications: readonly ApplicationLine[];
  readonly chats: readonly ChatLine[];
  /** A deleted message has the uid of the message that was acknowledged under its number. */
  readonly rows: readonly MessageLine[];
  readonly versions: readonly VersionLine[];
  readonly changes: readonly ChangeLine[];
  readonly deadLetters: readonly MessageLine[];
  readonly documents: readonly MessageLine[];
  readonly listed: readonly MessageLine[];
  /** Rows by uid: more than one if a message was stored twice. */
  readonly rowsOf: ReadonlyMap<string, readonly MessageLine[]>;
}

/** Indexes the lines of a run. Throws if the history has no run line, because then it is incomplete. */
export function buildModel(history: readonly HistoryLine[], final: readonly FinalLine[]): Model {
  const of = <Type extends HistoryLine["type"]>(type: Type) =>
    history.filter((line): line is Extract<HistoryLine, { type: Type }> => line.type === type);
  const finalOf = <Type extends FinalLine["type"]>(type: Type) =>
    final.filter((line): line is Extract<FinalLine, { type: Type }> => line.type === type);
  const messagesOf = (type: MessageLine["type"]) => final.filter((line): line is MessageLine => line.type === type);
  const run = of("run").at(-1);
  if (run === undefined) throw new Error("the history has no line of type run");
  const isDoomed = (line: { readonly app: string; readonly chat: number }) =>
    run.doomed !== undefined && chatKey(line) === chatKey(run.doomed);
  const all = of("op").toSorted((a, b) => a.t0 - b.t0);
  const operations = all.filter((line) => !isDoomed(line));
  const sent = collectSent(operations);
  const rows = withOwners(messagesOf("row"), sent);
  return {
    run,
    operations,
    sent,
    events: of("event").filter((line) => !isDoomed(line)),
    erasure: run.doomed && toErasure(run.doomed, all.filter(isDoomed), finalOf("remains")),
    changesOf: Map.groupBy(operations.filter(isChange), ({ app, chat, number = 0 }) =>
      messageKey({ app, chat, number }),
    ),
    senderErasures: operations.filter(({ op }) => op === "erase-sender"),
    horizons: finalOf("horizon").filter((line) => !isDoomed(line)),
    owners: new Map(
      [...sent.values()].flatMap((message) =>
        message.number === undefined ? [] : [[messageKey({ ...message, number: message.number }), message]],
      ),
    ),
    windows: of("window").toSorted((a, b) => a.t0 - b.t0),
    probes: of("probe"),
    samples: of("sample"),
    quiet: finalOf("quiet").at(-1),
    applications: finalOf("application"),
    chats: finalOf("chat"),
    rows,
    versions: finalOf("version"),
    changes: finalOf("change"),
    deadLetters: messagesOf("dead-letter"),
    documents: messagesOf("document"),
    listed: messagesOf("listed"),
    rowsOf: Map.groupBy(rows, ({ uid }) => uid),
  };
}

function toErasure(
  doomed: NonNullable<RunLine["doomed"]>,
  operations: readonly Operation[],
  remains: readonly RemainsLine[],
): Erasure {
  const attempts = operations.filter(({ op }) => op === "erase");
  const known = attempts.filter(({ status }) => status === 204).map(({ t1 }) => t1);
  const beganAt = Math.min(...attempts.map(({ t0 }) => t0));
  return { chat: chatKey(doomed), operations, beganAt, knownAt: Math.min(...known), remains };
}

/**
 * A deleted row has no text with a uid. Several messages have its number only if Redis lost data: then it is the last one that is
 * not stored under another number.
 */
function withOwners(rows: readonly MessageLine[], sent: ReadonlyMap<string, Sent>): MessageLine[] {
  const stored = new Set(rows.map(({ uid }) => uid));
  const owners = new Map(
    [...sent.values()]
      .filter(({ outcome, uid }) => outcome === "ok" && !stored.has(uid))
      .toSorted((a, b) => a.knownAt - b.knownAt)
      .map(({ app, chat, number, uid }) => [messageKey({ app, chat, number: number! }), uid]),
  );
  return rows.map((row) => (row.deleted === true ? { ...row, uid: owners.get(messageKey(row)) ?? row.uid } : row));
}

function collectSent(operations: readonly Operation[]): Map<string, Sent> {
  const sends = operations.filter(({ op, uid }) => op === "send" && uid !== undefined);
  return new Map(
    [...Map.groupBy(sends, ({ uid }) => uid!)].map(([uid, attempts]) => {
      const { app, chat, hash = "", t0, sender } = attempts[0]!;
      const acknowledged = attempts.filter(({ outcome }) => outcome === "ok").toSorted((a, b) => a.t1 - b.t1)[0];
      const outcome: Outcome = acknowledged ? "ok" : attempts.some((each) => each.outcome === "info") ? "info" : "fail";
      const { number, t1 = Infinity } = acknowledged ?? {};
      return [uid, { uid, app, chat, hash, sender, attempts, outcome, number, beganAt: t0, knownAt: t1 }];
    }),
  );
}

/** Returns the windows in which Redis lost data; none if the fault must not lose any, whatever its nemesis recorded. */
export function lossesOf({ run, windows }: Model): readonly WindowLine[] {
  return run.expectations.loses === true ? windows.filter(({ loses }) => loses === true) : [];
}

/**
 * Returns whether a message that was first sent at this time may have been acknowledged by a Redis that later lost its
 * data.
 */
export function mayBeLost(model: Model, { beganAt }: Pick<Sent, "beganAt">): boolean {
  return lossesOf(model).some(({ t1 }) => beganAt < t1);
}

/** How long after a loss a number may still collide with one that Redis had assigned before. */
const lateMs = 30_000;

/**
 * Returns whether a message was renumbered, as documented: Redis had accepted an older message before it lost its data,
 * a worker still had it and stored it under the same number first, and so this message went to the end of its chat.
 */
export function isRenumbered(model: Model, { uid, number, knownAt, app, chat }: Sent): boolean {
  const [row, ...others] = model.rowsOf.get(uid) ?? [];
  return (
    row !== undefined &&
    others.length === 0 &&
    chatKey(row) === chatKey({ app, chat }) &&
    number !== undefined &&
    row.number > number &&
    lossesOf(model).some(({ t0, t1 }) => knownAt > t0 && knownAt < t1 + lateMs * 1e6)
  );
}

/**
 * Returns whether a message was changed by a request that was meant for another one: Redis had lost that one and
 * assigned its number again.
 */
export function isChangedForLost(model: Model, { uid, number, app, chat }: Sent): boolean {
  const changes = (number === undefined ? undefined : model.changesOf.get(messageKey({ app, chat, number }))) ?? [];
  return changes.some(
    (change) =>
      change.uid !== uid &&
      change.outcome === "ok" &&
      lossesOf(model).some(({ t1 }) => change.t0 < t1 && change.t1 > t1),
  );
}

/** Returns whether an operation overlaps a fault or the recovery time after it. */
export function isDisturbed({ run, windows }: Model, { t0, t1 }: Pick<Operation, "t0" | "t1">): boolean {
  const grace = run.expectations.recoverWithinMs * 1e6;
  return windows.some((window) => t0 <= window.t1 + grace && t1 >= window.t0);
}

/**
 * Returns whether the message with this number may have been erased with its sender before a time. The sender of a
 * message of unknown outcome is not known.
 */
export function mayBeErased(
  { senderErasures, owners }: Model,
  message: { readonly app: string; readonly chat: number; readonly number: number },
  before = Infinity,
): boolean {
  const owner = owners.get(messageKey(message));
  return senderErasures.some(
    ({ app, sender, outcome, t0 }) =>
      app === message.app && outcome !== "fail" && t0 < before && (owner === undefined || owner.sender === sender),
  );
}

/** Identifies a chat across applications. */
export function chatKey({ app, chat }: { readonly app: string; readonly chat: number }): string {
  return `${app}.${chat}`;
}

/** Identifies a message by its number. */
export function messageKey(message: { readonly app: string; readonly chat: number; readonly number: number }): string {
  return `${chatKey(message)}.${message.number}`;
}

/**
 * Returns whether an item is a message, as far as one can see: an edited one may have another text, and a deleted one
 * has none.
 */
export function isItemOf([number, uid, , version = 1]: Item, message: Sent): boolean {
  return uid === message.uid || (number === message.number && (version > 1 || uid === ""));
}

/** The answers to a change that was served and not made: unknown message, deleted message, other version. */
const unchangedStatuses: readonly number[] = [404, 410, 412];
/** The api gives up a write, and a wait for a place in the share of the application, after two seconds, which a busy machine can take. */
const slowMs = 1_900;
const slowProblems: readonly string[] = ["storage-unavailable", "outcome-unknown"];

/** Returns whether the request was not served: refused, failed, or unknown. */
export function isUnserved(operation: Operation): boolean {
  return operation.outcome !== "ok" && !isSlow(operation) && !(isChange(operation) && isAnswered(operation));
}

function isSlow(operation: Operation): boolean {
  const { problem = "", t0, t1 } = operation;
  if (t1 - t0 <= slowMs * 1e6) return false;
  return problem === "rate-limited" || (isChange(operation) && slowProblems.includes(problem));
}

/** Returns whether the operation edits or deletes a message. */
export function isChange({ op }: Pick<Operation, "op">): boolean {
  return op === "edit" || op === "remove";
}

function isAnswered({ status, problem }: Operation): boolean {
  return unchangedStatuses.includes(status) || problem === "still-pending";
}
