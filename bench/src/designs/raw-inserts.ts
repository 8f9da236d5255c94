import { createConnection } from "mariadb";
import { bodiesOf } from "../load/messages.ts";

// A process of its own. It inserts messages without anything else: 1,000 rows per statement and transaction, on one connection.

/** The command of the parent. */
export interface RawInserts {
  readonly databaseUrl: string;
  readonly chatIds: readonly string[];
  readonly seconds: number;
}

/** The answer: how many rows were inserted in which time. */
export interface Inserted {
  readonly rows: number;
  readonly seconds: number;
}

const rowsPerStatement = 1_000;

async function insert({ databaseUrl, chatIds, seconds }: RawInserts): Promise<Inserted> {
  const { hostname: host, port, username: user, password, pathname } = new URL(databaseUrl);
  const database = pathname.slice(1);
  const connection = await createConnection({ host, port: Number(port), user, password, database });
  const texts = chatIds.map((_, chat) => bodiesOf(chat + 1).map((body) => `'${body.replaceAll("'", "''")}'`));
  const numbers = chatIds.map(() => 0);
  const perChat = rowsPerStatement / chatIds.length;
  let rows = 0;
  const started = performance.now();
  const until = started + 1_000 * seconds;
  while (performance.now() < until) {
    const now = new Date().toISOString().slice(0, 23).replace("T", " ");
    const values = chatIds.flatMap((id, chat) =>
      Array.from({ length: perChat }, () => {
        const uid = (rows++).toString(16).padStart(32, "0");
        const number = (numbers[chat]! += 1);
        return `(${id},${number},x'${uid}',${texts[chat]![number % 10]!},'${now}','${now}')`;
      }),
    );
    await connection.query(
      `INSERT INTO messages (chat_id, number, uid, body, created_at, updated_at) VALUES ${values.join()}`,
    );
  }
  const elapsed = (performance.now() - started) / 1_000;
  await connection.end();
  return { rows, seconds: elapsed };
}

process.on("message", (command: RawInserts) => {
  void insert(command).then((inserted) => process.send!(inserted satisfies Inserted));
});
