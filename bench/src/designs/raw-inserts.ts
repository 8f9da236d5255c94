import { bodiesOf } from "../load/messages.ts";
import { connectTo, insertRows, literalOf, rowsPerStatement, timeLiteralOf } from "../load/rows.ts";

// This file runs as a separate process. It only inserts messages: 1,000 rows per statement and transaction, on one
// connection.

/** The parent sends this command to start the inserts. */
export interface RawInserts {
  readonly databaseUrl: string;
  readonly chatIds: readonly string[];
  readonly seconds: number;
}

/** The answer to the parent: how many rows were inserted, and how long it took. */
export interface Inserted {
  readonly rows: number;
  readonly seconds: number;
}

async function insert({ databaseUrl, chatIds, seconds }: RawInserts): Promise<Inserted> {
  const connection = await connectTo(databaseUrl);
  const texts = chatIds.map((_, chat) => bodiesOf(chat + 1).map(literalOf));
  const numbers = chatIds.map(() => 0);
  const perChat = rowsPerStatement / chatIds.length;
  let rows = 0;
  const started = performance.now();
  const until = started + 1_000 * seconds;
  while (performance.now() < until) {
    const time = timeLiteralOf(Date.now());
    const statement = chatIds.flatMap((chatId, chat) =>
      Array.from({ length: perChat }, () => {
        const number = (numbers[chat]! += 1);
        return { chatId, number, body: texts[chat]![number % 10]!, time };
      }),
    );
    await insertRows(connection, statement, rows);
    rows += statement.length;
  }
  const elapsed = (performance.now() - started) / 1_000;
  await connection.end();
  return { rows, seconds: elapsed };
}

process.on("message", (command: RawInserts) => {
  void insert(command).then((inserted) => process.send!(inserted satisfies Inserted));
});
