import { createConnection, type Connection } from "mariadb";

export const rowsPerStatement = 1_000;

/** A message as a row. */
export interface MessageRow {
  readonly chatId: string;
  readonly number: number;
  /** As literals of SQL. */
  readonly body: string;
  readonly time: string;
}

/** Opens a connection of the driver that Confab uses. */
export function connectTo(databaseUrl: string): Promise<Connection> {
  const { hostname: host, port, username: user, password, pathname } = new URL(databaseUrl);
  return createConnection({ host, port: Number(port), user, password, database: pathname.slice(1) });
}

/** Inserts messages with one statement. The first one has the uid `uid`, and each following one the next. */
export async function insertRows(connection: Connection, rows: readonly MessageRow[], uid: number): Promise<void> {
  const values = rows.map(
    ({ chatId, number, body, time }, at) =>
      `(${chatId},${number},x'${(uid + at).toString(16).padStart(32, "0")}',${body},${time},${time})`,
  );
  await connection.query(
    `INSERT INTO messages (chat_id, number, uid, body, created_at, updated_at) VALUES ${values.join()}`,
  );
}

/** Returns a literal of a text without backslashes. */
export function literalOf(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Returns a literal of a time, in milliseconds since 1970. */
export function timeLiteralOf(ms: number): string {
  return `'${new Date(ms).toISOString().slice(0, 23).replace("T", " ")}'`;
}
