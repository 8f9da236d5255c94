import { createConnection, type Connection } from "mariadb";

export const rowsPerStatement = 1_000;

/** A message as a row to insert. */
export interface MessageRow {
  readonly chatId: string;
  readonly number: number;
  /** SQL literals. */
  readonly body: string;
  readonly time: string;
}

/** Opens a connection with the driver that Confab uses. */
export function connectTo(databaseUrl: string): Promise<Connection> {
  const { hostname: host, port, username: user, password, pathname } = new URL(databaseUrl);
  return createConnection({ host, port: Number(port), user, password, database: pathname.slice(1) });
}

/**
 * Inserts messages with one statement. The first message gets `uid`, and each of the others gets the next higher uid.
 */
export async function insertRows(connection: Connection, rows: readonly MessageRow[], uid: number): Promise<void> {
  const values = rows.map(
    ({ chatId, number, body, time }, at) =>
      `(${chatId},${number},x'${(uid + at).toString(16).padStart(32, "0")}',${body},${time},${time})`,
  );
  await connection.query(
    `INSERT INTO messages (chat_id, number, uid, body, created_at, updated_at) VALUES ${values.join()}`,
  );
}

/** Returns the SQL literal of a text that has no backslashes. */
export function literalOf(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Returns the SQL literal of a time, which is given in milliseconds since 1970. */
export function timeLiteralOf(ms: number): string {
  return `'${new Date(ms).toISOString().slice(0, 23).replace("T", " ")}'`;
}
