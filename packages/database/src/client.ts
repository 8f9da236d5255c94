import { withTimeout } from "@confab/runtime";
import { PrismaMariaDb } from "@prisma/adapter-mariadb";
import { connectionSettings } from "./connection.ts";
import { ServerSilentError } from "./errors.ts";
import { PrismaClient } from "./generated/client.ts";
import { statementsOn, type DriverSession, type QueryEvent } from "./session.ts";
import type { ConnectionOptions } from "./connection.ts";
import type { Prisma } from "./generated/client.ts";

/** One pool of sessions and the Prisma client on top of it. */
export interface Database {
  readonly prisma: PrismaClient;
  /** Takes a session from the same pool, for statements past Prisma. The caller releases or destroys it. */
  session(): Promise<{ session: DriverSession; statements: ReturnType<typeof statementsOn> }>;
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
}

const PING_MS = 1_000;

/**
 * Opens sessions when they are needed and never throws if the server is unavailable. In that case calls fail within
 * about `acquireTimeoutMs` with errors that `isUnavailable` recognizes, and succeed soon after the server is available
 * again. The program calls `ignoreLostSessionRejections` once, or a session that is lost during its setup ends it.
 */
export function createDatabase({ onQuery, ...connection }: DatabaseOptions): Database {
  const settings = connectionSettings(connection);
  // The adapter does not keep prepared statements, so the binary protocol would need two more round trips per query.
  const adapter = new PrismaMariaDb(settings, { useTextProtocol: true, database: settings.database });
  let pool: Pool | undefined;
  let isClosed = false;
  const prisma = new PrismaClient({
    adapter: watchingPool(adapter, {
      isClosed: () => isClosed,
      onPool: (opened) => (pool = opened),
    }),
    transactionOptions: { maxWait: settings.acquireTimeout + 500, timeout: 10_000 },
    errorFormat: "minimal",
    log: onQuery ? [{ emit: "event", level: "query" }] : [],
  });
  if (onQuery) {
    prisma.$on("query", (event) => {
      onQuery({ sql: event.query, params: event.params, durationMs: event.duration });
    });
  }
  // The adapter first queries the server's version. Connecting now saves the first call that time.
  const connected = prisma.$connect().catch(() => undefined);
  return {
    prisma,
    async session() {
      if (pool === undefined) await prisma.$connect();
      const session = await pool!.getConnection();
      return { session, statements: statementsOn(session, onQuery) };
    },
    ping: async () => {
      const late = (): Error => new ServerSilentError(`The database did not answer within ${PING_MS} ms`);
      await withTimeout(prisma.$queryRaw`SELECT 1`, PING_MS, late);
    },
    sessions: () => ({
      used: pool?.activeConnections() ?? 0,
      idle: pool?.idleConnections() ?? 0,
      waiting: pool?.taskQueueSize() ?? 0,
      limit: settings.connectionLimit,
    }),
    close: async () => {
      isClosed = true;
      await connected;
      await prisma.$disconnect();
    },
  };
}

type Pool = ReturnType<Awaited<ReturnType<PrismaMariaDb["connect"]>>["underlyingDriver"]>;

/**
 * Gets the pool from the adapter, which creates it when it connects and does not expose it otherwise. Also refuses to
 * connect after the close: a late query would open another pool that nobody closes.
 */
function watchingPool(
  factory: PrismaMariaDb,
  { isClosed, onPool }: { isClosed: () => boolean; onPool: (pool: Pool) => void },
): PrismaMariaDb {
  const connect = factory.connect.bind(factory);
  const watched: PrismaMariaDb["connect"] = async () => {
    if (isClosed()) throw new Error("The database is closed");
    const adapter = await connect();
    onPool(adapter.underlyingDriver());
    return adapter;
  };
  factory.connect = watched;
  return factory;
}
