import { sqlTime } from "./sql-literals.ts";

/** Describes a statement that was sent, for traces, for metrics, and for the tests that explain every query. */
export interface QueryEvent {
  readonly sql: string;
  /** The arguments as a JSON array. */
  readonly params: string;
  readonly durationMs: number;
}

/** Raw statements, either inside a Prisma transaction or without Prisma in a `directTransaction`. */
export interface Statements {
  /** Returns rows with their column names. A BIGINT becomes a bigint, binary data becomes a Buffer. */
  $queryRawUnsafe<Rows>(sql: string, ...values: unknown[]): Promise<Rows>;
  /** Returns the number of rows that were found or inserted. */
  $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number>;
}

/** A session of the driver's pool. */
export interface DriverSession {
  query(sql: string, values?: unknown[]): Promise<unknown>;
  release(): Promise<void>;
  /** Closes the session. The running statement is rejected. */
  destroy(): void;
}

/**
 * An error from the server or the driver. It leaves out the statement, because its text would put messages into the
 * log.
 */
export class StatementError extends Error {
  override readonly name = "StatementError";
  readonly errno: number | undefined;
  readonly sqlState: string | undefined;
  readonly code: string | undefined;
  readonly sqlMessage: string;

  constructor(error: unknown) {
    const details = error as Partial<Record<"errno" | "sqlState" | "code" | "sqlMessage", unknown>>;
    const sqlMessage = typeof details.sqlMessage === "string" ? details.sqlMessage : "The session was lost";
    super(sqlMessage);
    this.sqlMessage = sqlMessage;
    this.errno = typeof details.errno === "number" ? details.errno : undefined;
    this.sqlState = typeof details.sqlState === "string" ? details.sqlState : undefined;
    this.code = typeof details.code === "string" ? details.code : undefined;
  }
}

/** Runs statements on a session. Throws `StatementError`. */
export function statementsOn(
  session: DriverSession,
  onQuery: ((event: QueryEvent) => void) | undefined,
): Statements & { run(sql: string): Promise<unknown> } {
  async function send(sql: string, values?: unknown[]): Promise<unknown> {
    const began = performance.now();
    try {
      return await session.query(sql, values);
    } catch (error) {
      throw new StatementError(error);
    } finally {
      onQuery?.({ sql, params: JSON.stringify(values ?? [], asText), durationMs: performance.now() - began });
    }
  }
  // Without values, the driver does not search the statement for placeholders.
  const argumentsOf = (values: unknown[]) => (values.length === 0 ? undefined : values.map(toDriver));
  return {
    run: (sql) => send(sql),
    $queryRawUnsafe: async <Rows>(sql: string, ...values: unknown[]) => (await send(sql, argumentsOf(values))) as Rows,
    $executeRawUnsafe: async (sql, ...values) =>
      ((await send(sql, argumentsOf(values))) as { affectedRows: number }).affectedRows,
  };
}

function toDriver(value: unknown): unknown {
  if (value instanceof Date) return sqlTime(value);
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
}

function asText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
