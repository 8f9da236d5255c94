import { WriteNotDone } from "./attempt.ts";

/** An `Idempotency-Key` was used again with another request, or for something that has been deleted since. */
export class IdempotencyConflict extends Error {
  override readonly name = "IdempotencyConflict";
}

/** The server accepted a connection but did not answer in time. */
export class ServerSilentError extends Error {
  override readonly name = "ServerSilentError";
}

/** What an error chain says: the server's or driver's error number, its SQLSTATE, and symbolic codes. */
interface Facts {
  readonly numbers: ReadonlySet<number>;
  readonly states: readonly string[];
  readonly codes: ReadonlySet<string>;
  readonly silent: boolean;
}

const DUPLICATE_KEY = new Set([1062, 1586, 1859]);

// The row's own fault where the SQLSTATE does not travel with the error: the adapter drops it for the commonest ones.
const REFUSED = new Set([1048, 1263, 1264, 1265, 1292, 1364, 1366, 1406, 1441, 1451, 1452, 1644, 3819, 3988, 4025]);

const UNAVAILABLE = new Set([
  ...[1020, 1021, 1028, 1030, 1037, 1038, 1041, 1114, 1135, 3019], // no disk, memory or threads left
  ...[1040, 1129, 1203, 1226], // too many connections
  ...[1042, 1043, 1047, 1053, 1077, 1079, 1080, 1152, 1153, 1158, 1159, 1160, 1161, 1184, 1317, 1927, 3169, 4031], // going away
  ...[1290, 1792, 1836, 3100, 3103], // read-only: a replica, or a primary being demoted
  ...[2002, 2003, 2006, 2013, 2055],
  ...[45001, 45004, 45009, 45012, 45013, 45019, 45026, 45027, 45028, 45030, 45037, 45039, 45042, 45060, 45061], // the driver's own
]);

const POOL_TIMEOUT = 45028;

const UNAVAILABLE_CODES =
  /^(P1001|P1002|P1008|P1017|P2024|P2028|P2037|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/** True when the server cannot be used now, whatever was asked: try again later, answer 503 meanwhile. */
export function isUnavailable(error: unknown): boolean {
  const facts = factsOf(error);
  if (facts.silent || anyOf(facts.numbers, UNAVAILABLE)) return true;
  return (
    facts.states.some((state) => state.startsWith("08")) || [...facts.codes].some((c) => UNAVAILABLE_CODES.test(c))
  );
}

/** True for a deadlock or a lock wait that ran out: the same transaction may well succeed when run again. */
export function isTransient(error: unknown): boolean {
  const facts = factsOf(error);
  return anyOf(facts.numbers, new Set([1205, 1213])) || facts.states.includes("40001") || facts.codes.has("P2034");
}

/** True when the row itself is refused and would be again; a duplicate key is not a refusal. */
export function isRefusal(error: unknown): boolean {
  const facts = factsOf(error);
  if (anyOf(facts.numbers, DUPLICATE_KEY)) return false;
  return anyOf(facts.numbers, REFUSED) || facts.states.some((state) => /^(22|23|45)/.test(state));
}

/** True when a row with the same key exists. */
export function isDuplicateKey(error: unknown): boolean {
  const facts = factsOf(error);
  return anyOf(facts.numbers, DUPLICATE_KEY) || facts.codes.has("P2002");
}

/** True when the table that a statement names does not exist. */
export function isMissingTable(error: unknown): boolean {
  const { numbers, codes } = factsOf(error);
  return numbers.has(1146) || codes.has("P2021");
}

/** The server's own sentence about an error, without the client's framing; of a pool without sessions, why it has none. */
export function reasonOf(error: unknown): string {
  for (const link of chain(error)) {
    const noSession = link.errno === POOL_TIMEOUT || link.originalCode === String(POOL_TIMEOUT);
    if (noSession && link.cause instanceof Error) return link.cause.message;
    if (noSession && typeof link.cause === "string") return link.cause;
    if (typeof link.originalMessage === "string") return link.originalMessage;
    if (typeof link.sqlMessage === "string") return link.sqlMessage;
  }
  return error instanceof Error ? error.message.trim() : String(error);
}

function factsOf(error: unknown): Facts {
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

/** The error and what it wraps: Prisma puts the adapter's error into `meta`, the adapter the driver's into `cause`. */
function* chain(error: unknown): Generator<Record<string, unknown>> {
  const queue: unknown[] = [error];
  for (let depth = 0; queue.length > 0 && depth < 12; depth += 1) {
    const link = queue.shift();
    if (typeof link !== "object" || link === null) continue;
    const facts = link as Record<string, unknown>;
    yield facts;
    queue.push(facts.cause, facts.meta, facts.driverAdapterError);
    if (Array.isArray(facts.errors)) queue.push(...(facts.errors as unknown[]).slice(0, 2));
  }
}

function anyOf(found: ReadonlySet<number>, wanted: ReadonlySet<number>): boolean {
  return [...found].some((number) => wanted.has(number));
}
