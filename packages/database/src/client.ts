import { AsyncLocalStorage } from "node:async_hooks";
import { withTimeout } from "@confab/async";
import { PrismaMariaDb } from "@prisma/adapter-mariadb";
import { createPool } from "mariadb";
import { connectionSettings, type ConnectionOptions } from "./connection.ts";
import { ServerSilentError } from "./errors.ts";
import { PrismaClient, type Prisma } from "./generated/client.ts";
import { statementsOn, type DriverSession, type QueryEvent } from "./session.ts";

/** One pool of sessions and the Prisma client on top of it. */
export interface Database {
  readonly prisma: PrismaClient;
  /** Takes a session from the same pool, for statements past Prisma. The caller releases or destroys it. */
  session(): Promise<{ session: DriverSession; statements: ReturnType<typeof statementsOn> }>;
  /** Runs a transaction of Prisma, which does not show its session, and passes the session on when it is taken. */
  watched<T>(onSession: (session: DriverSession) => void, run: (prisma: PrismaClient) => Promise<T>): Promise<T>;
  /** Runs one statement past Prisma, and returns its rows as `Statements` does. Throws `StatementError`. */
  readonly query: <Rows>(sql: string, ...values: unknown[]) => Promise<Rows>;
  /** Resolves if the server answers a query within one second, otherwise rejects. */
  ping(): Promise<void>;
  /**
   * The current sessions of this process, and the number of calls that wait for one. All are 0 until the first
   * connection.
   */
  sessions(): { used: number; idle: number; waiting: number; limit: number };
  /** Waits for the running queries, then ends all sessions. */
  close(): Promise<void>;
}

/** The client inside a transaction. Outside a transaction, `database.prisma` can be used. */
export type Queryable = Prisma.TransactionClient;

export interface DatabaseOptions extends ConnectionOptions {
  readonly onQuery?: (event: QueryEvent) => void;
  /**
   * Whether Prisma loads its engine at once, so that no call waits for it. It needs 14 MB, which a process saves that uses only
   * `query` and `session`.
   */
  readonly isPrismaUsed?: boolean;
}

const pingMs = 1_000;

/**
 * Opens sessions when they are needed and never throws if the server is unavailable. In that case calls fail within
 * about `acquireTimeoutMs` with errors that `isUnavailable` recognizes, and succeed soon after the server is available
 * again. The program calls `ignoreLostSessionRejections` once, or a session that is lost during its setup ends it.
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
    // Without prepared statements the binary protocol would need two more round trips per query.
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
