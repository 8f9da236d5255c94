import { withTimeout } from "@confab/runtime";
import { PrismaMariaDb } from "@prisma/adapter-mariadb";
import { connectionSettings } from "./connection.ts";
import { ServerSilentError } from "./errors.ts";
import { PrismaClient } from "./generated/client.ts";
import { ignoreLostSessionRejections } from "./lost-sessions.ts";
import type { ConnectionOptions } from "./connection.ts";
import type { Prisma } from "./generated/client.ts";

/** What the repositories build on: one pool of sessions and the client over it. */
export interface Database {
  readonly prisma: PrismaClient;
  /** Resolves when the server answers a query within a second, else rejects. */
  ping(): Promise<void>;
  /** The sessions of this process now, and the calls that wait for one; all 0 until the server was reached once. */
  sessions(): { used: number; idle: number; waiting: number; limit: number };
  /** Waits for the queries under way, then ends every session. */
  close(): Promise<void>;
}

/** The client inside a transaction; outside of one, `database.prisma` serves. */
export type Queryable = Prisma.TransactionClient;

/** One statement as it was sent: for traces, metrics and the tests that explain every query. */
export interface QueryEvent {
  readonly sql: string;
  /** The arguments as a JSON array. */
  readonly params: string;
  readonly durationMs: number;
}

export interface DatabaseOptions extends ConnectionOptions {
  readonly onQuery?: (event: QueryEvent) => void;
}

const PING_MS = 1_000;

/**
 * Opens sessions as they are needed and never throws for a server that is away: calls then fail within about
 * `acquireTimeoutMs`, with errors that `isUnavailable` recognises, and succeed again soon after it is back.
 */
export function createDatabase({ onQuery, ...connection }: DatabaseOptions): Database {
  ignoreLostSessionRejections();
  const settings = connectionSettings(connection);
  // The text protocol: the adapter keeps no prepared statements, so the binary one costs two more round trips a query.
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
  // The adapter asks for the server's version first; asking now keeps that wait out of the first call.
  const connected = prisma.$connect().catch(() => undefined);
  return {
    prisma,
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
 * The adapter makes its pool when it connects, and shows it to nobody else. A client that was closed would connect again for a
 * query that comes late, and nobody would close that pool.
 */
function watchingPool(
  factory: PrismaMariaDb,
  { isClosed, onPool }: { isClosed: () => boolean; onPool: (pool: Pool) => void },
): PrismaMariaDb {
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    if (isClosed()) throw new Error("The database is closed");
    const adapter = await connect();
    onPool(adapter.underlyingDriver());
    return adapter;
  };
  return factory;
}
