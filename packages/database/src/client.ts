import { AsyncLocalStorage } from "node:async_hooks";
import { withTimeout } from "@confab/async";
import { PrismaMariaDb } from "@prisma/adapter-mariadb";
import { createPool } from "mariadb";
import { connectionSettings, type ConnectionOptions } from "./connection.ts";
import { ServerSilentError } from "./errors.ts";
import { PrismaClient, type Prisma } from "./generated/client.ts";
import { statementsOn, type DriverSession, type QueryEvent } from "./session.ts";

/** A pool of sessions, and the Prisma client that uses it. */
export interface Database {
  readonly prisma: PrismaClient;
  /** Takes a session from the same pool, for statements that bypass Prisma. The caller releases or destroys it. */
  session(): Promise<{ session: DriverSession; statements: ReturnType<typeof statementsOn> }>;
  /**
   * Runs a Prisma transaction, and passes its session to `onSession` as soon as the session is taken from the pool.
   * Prisma does not expose the session.
   */
  watched<T>(onSession: (session: DriverSession) => void, run: (prisma: PrismaClient) => Promise<T>): Promise<T>;
  /** Runs one statement without Prisma, and returns its rows like `Statements`. Throws `StatementError`. */
  readonly query: <Rows>(sql: string, ...values: unknown[]) => Promise<Rows>;
  /** Resolves if the server answers a query within one second. Otherwise it rejects. */
  ping(): Promise<void>;
  /**
   * The sessions of this process, and the number of calls that wait for one. All values are 0 until the first
   * connection.
   */
  sessions(): { used: number; idle: number; waiting: number; limit: number };
  /** Waits for the running queries, then closes all sessions. */
  close(): Promise<void>;
}

/** The Prisma client inside a transaction. Outside a transaction, `database.prisma` has the same type. */
export type Queryable = Prisma.TransactionClient;

export interface DatabaseOptions extends ConnectionOptions {
  readonly onQuery?: (event: QueryEvent) => void;
  /**
   * Whether Prisma loads its engine on startup, so that no call waits for it. The engine needs 14 MB, which processes
   * that only use `query` and `session` can save.
   */
  readonly isPrismaUsed?: boolean;
}

const pingMs = 1_000;

/**
 * Opens sessions when they are needed. Does not throw if the server is unavailable: calls then fail within about
 * `acquireTimeoutMs` with errors that `isUnavailable` recognizes, and succeed soon after the server is available again.
 * The program must call `ignoreLostSessionRejections` once. Otherwise a session that is lost during its setup ends the
 * process.
 */
export function createDatabase({ onQuery, isPrismaUsed = true, ...connection }: DatabaseOptions): Database {
  const settings = connectionSettings(connection);
  const pool = createPool(settings);
  const watchers = new AsyncLocalStorage<(session: DriverSession) => void>();
  const getConnection = pool.getConnection.bind(pool);
  const getWatched: typeof getConnection = async () => {
    const taken = await getConnection();
    watchers.getStore()?.(taken);
    return taken;
  };
  pool.getConnection = getWatched;
  const prisma = new PrismaClient({
    // Uses the text protocol: without prepared statements, the binary protocol needs two more round trips per query.
    adapter: new PrismaMariaDb(pool, { useTextProtocol: true, database: settings.database }),
    transactionOptions: { maxWait: settings.acquireTimeout + 500, timeout: 10_000 },
    errorFormat: "minimal",
    log: onQuery ? [{ emit: "event", level: "query" }] : [],
  });
  if (onQuery) {
    prisma.$on("query", (event) => {
      onQuery({ sql: event.query, params: event.params, durationMs: event.duration });
    });
  }
  const connected = isPrismaUsed ? prisma.$connect().catch(() => undefined) : undefined;

  const session: Database["session"] = async () => {
    const taken = await pool.getConnection();
    return { session: taken, statements: statementsOn(taken, onQuery) };
  };
  const query: Database["query"] = async <Rows>(sql: string, ...values: unknown[]) => {
    const { session: taken, statements } = await session();
    try {
      return await statements.$queryRawUnsafe<Rows>(sql, ...values);
    } finally {
      await taken.release().catch(() => undefined);
    }
  };
  return {
    prisma,
    session,
    watched: (onSession, run) => watchers.run(onSession, () => run(prisma)),
    query,
    ping: async () => {
      const late = (): Error => new ServerSilentError(`The database did not answer within ${pingMs} ms`);
      await withTimeout(query("SELECT 1"), pingMs, late);
    },
    sessions: () => ({
      used: pool.activeConnections(),
      idle: pool.idleConnections(),
      waiting: pool.taskQueueSize(),
      limit: settings.connectionLimit,
    }),
    close: async () => {
      await connected;
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
