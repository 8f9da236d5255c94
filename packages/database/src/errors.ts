import { WriteNotDone } from "./attempt.ts";

/** An `Idempotency-Key` was reused with a different request, or its resource was deleted. */
export class IdempotencyConflict extends Error {
  override readonly name = "IdempotencyConflict";
}

/** The server accepted a connection, but did not answer in time. */
export class ServerSilentError extends Error {
  override readonly name = "ServerSilentError";
}

/**
 * Details that are collected from an error chain: error numbers of the server or driver, SQLSTATEs and symbolic codes.
 */
interface Details {
  readonly numbers: ReadonlySet<number>;
  readonly states: readonly string[];
  readonly codes: ReadonlySet<string>;
  readonly silent: boolean;
}

const duplicateKey = new Set([1062, 1586, 1859]);

// Numbers of errors that the row itself causes. The SQLSTATE alone is not enough, because the adapter drops it for the
// most common errors.
const refused = new Set([1048, 1263, 1264, 1265, 1292, 1364, 1366, 1406, 1441, 1451, 1452, 1644, 3819, 3988, 4025]);

const unavailable = new Set([
  1020,
  1021,
  1028,
  1030,
  1037,
  1038,
  1041,
  1114,
  1135,
  3019, // no disk, memory or threads left
  1040,
  1129,
  1203,
  1226, // too many connections
  1042,
  1043,
  1047,
  1053,
  1077,
  1079,
  1080,
  1152,
  1153,
  1158,
  1159,
  1160,
  1161,
  1184,
  1317,
  1927,
  3169,
  4031, // shutting down
  1290,
  1792,
  1836,
  3100,
  3103, // read-only: a replica, or a primary being demoted
  2002,
  2003,
  2006,
  2013,
  2055,
  45001,
  45004,
  45009,
  45012,
  45013,
  45019,
  45026,
  45027,
  45028,
  45030,
  45037,
  45039,
  45042,
  45060,
  45061, // the driver's own
]);

const poolTimeout = 45028;

const loginRefused = new Set([1044, 1045, 1049, 1698]);

const unavailableCodes =
  /^(P1001|P1002|P1008|P1017|P2024|P2028|P2037|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/**
 * Returns true if the server is unavailable, whatever the statement was. The caller should answer 503 and retry later.
 */
export function isUnavailable(error: unknown): boolean {
  const details = detailsOf(error);
  if (details.silent || anyOf(details.numbers, unavailable)) return true;
  return (
    details.states.some((state) => state.startsWith("08")) || [...details.codes].some((c) => unavailableCodes.test(c))
  );
}

/**
 * Returns true if the server answers but refuses every login, for example because of a wrong user, password or
 * database. Waiting does not help.
 */
export function isLoginRefused(error: unknown): boolean {
  return anyOf(detailsOf(error).numbers, loginRefused);
}

/** Returns true for a deadlock or a lock wait timeout. The same transaction will probably succeed if it is repeated. */
export function isTransient(error: unknown): boolean {
  const details = detailsOf(error);
  return (
    anyOf(details.numbers, new Set([1205, 1213])) || details.states.includes("40001") || details.codes.has("P2034")
  );
}

/** Returns true if a statement waited too long for a lock. Its transaction continues without that statement. */
export function isLockWait(error: unknown): boolean {
  return detailsOf(error).numbers.has(1205);
}

/** Returns true if the server refuses the row itself and would refuse it again. A duplicate key is not a refusal. */
export function isRefusal(error: unknown): boolean {
  const details = detailsOf(error);
  if (anyOf(details.numbers, duplicateKey)) return false;
  return anyOf(details.numbers, refused) || details.states.some((state) => /^(22|23|45)/.test(state));
}

/** Returns true if a row with the same key exists. */
export function isDuplicateKey(error: unknown): boolean {
  const details = detailsOf(error);
  return anyOf(details.numbers, duplicateKey) || details.codes.has("P2002");
}

/** Returns true if the table of a statement does not exist. */
export function isMissingTable(error: unknown): boolean {
  const { numbers, codes } = detailsOf(error);
  return numbers.has(1146) || codes.has("P2021");
}

/**
 * Returns the server's own error message, without the text that the client adds. If the pool has no session, returns
 * the reason for that.
 */
export function reasonOf(error: unknown): string {
  for (const link of chain(error)) {
    const noSession = link.errno === poolTimeout || link.originalCode === String(poolTimeout);
    if (noSession && link.cause instanceof Error) return link.cause.message;
    if (noSession && typeof link.cause === "string") return link.cause;
    if (typeof link.originalMessage === "string") return link.originalMessage;
    if (typeof link.sqlMessage === "string") return link.sqlMessage;
  }
  return error instanceof Error ? error.message.trim() : String(error);
}

function detailsOf(error: unknown): Details {
  const numbers = new Set<number>();
  const states: string[] = [];
  const codes = new Set<string>();
  let silent = false;
  for (const link of chain(error)) {
    silent ||= link instanceof ServerSilentError || link instanceof WriteNotDone;
    if (typeof link.errno === "number") numbers.add(link.errno);
    if (typeof link.originalCode === "string") numbers.add(Number(link.originalCode));
    if (typeof link.code === "string") codes.add(link.code);
    for (const state of [link.state, link.sqlState]) if (typeof state === "string") states.push(state);
  }
  return { numbers, states, codes, silent };
}

/**
 * Yields the error and the errors that it wraps: Prisma puts the adapter's error into `meta`, and the adapter puts the
 * driver's error into `cause`.
 */
function* chain(error: unknown): Generator<Record<string, unknown>> {
  const queue: unknown[] = [error];
  for (let depth = 0; queue.length > 0 && depth < 12; depth += 1) {
    const link = queue.shift();
    if (typeof link !== "object" || link === null) continue;
    const details = link as Record<string, unknown>;
    yield details;
    queue.push(details.cause, details.meta, details.driverAdapterError);
    if (Array.isArray(details.errors)) queue.push(...(details.errors as unknown[]).slice(0, 2));
  }
}

function anyOf(found: ReadonlySet<number>, wanted: ReadonlySet<number>): boolean {
  return [...found].some((number) => wanted.has(number));
}
