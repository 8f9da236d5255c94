import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "@confab/database";
import type { Differences, DocumentSource, RebuildResult } from "@confab/search";
import type { Command } from "commander";
import { seconds, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { table } from "../output.ts";
import { placesOf } from "../find-chats.ts";
import { withSearchIndex } from "../stores.ts";

const ROWS_AT_ONCE = 500;
const LOOK_EVERY_MS = 250;

/** `search reindex` and `search verify`: for operators, directly on the stores. */
export function addIndexCommands(search: Command, io: Io): void {
  search
    .command("reindex")
    .description("fill a new index from the database and let it replace the old one; searching and writing go on")
    .action(async (_options, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const { rebuild } = await import("@confab/search");
      const result = await withSearchIndex(env, async ({ database, index }) => {
        // Before the first row is read: from now on no worker takes a range for another backend.
        const { createSearchBackend } = await import("@confab/database");
        await createSearchBackend(database).switchTo(`elasticsearch/${index.connection.readAlias}`);
        const report = everySecond((copied: number) => {
          output.note(`${copied} messages copied`);
        });
        return rebuild(index, { scan: everyMessage(database), onProgress: report });
      });
      output.result(result, () => `${result.index} serves now: ${result.copied} messages copied${refusals(result)}`);
    });

  search
    .command("verify")
    .description("compare the index with the database, message by message, in both directions")
    .option("--wait <seconds>", "wait at the most for what is stored and not yet indexed", seconds, 30)
    .action(async ({ wait }: { wait: number }, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const { verify } = await import("@confab/search");
      const { found, waiting } = await withSearchIndex(env, async ({ database, index }) => {
        const waiting = await outboxDepth(database, wait);
        const { equal, ...sides } = await verify(index, everyMessage(database));
        const places = await placesOf(
          database,
          Object.values(sides).flatMap(({ first }) => first.map(({ chatId }) => chatId)),
        );
        const placed = ({ count, first }: Differences) => ({
          count,
          // Of a chat that is gone there is no better name than the index's own.
          first: first.map(({ chatId, number }) => ({ ...(places.get(chatId) ?? { gone_chat: chatId }), number })),
        });
        const found = {
          missing: placed(sides.missing),
          extra: placed(sides.extra),
          different: placed(sides.different),
        };
        return { found: { equal, ...found }, waiting };
      });
      const { equal, missing, extra, different } = found;
      output.result({ ...found, waiting }, () =>
        table(
          ["EQUAL", "MISSING IN INDEX", "EXTRA IN INDEX", "DIFFERENT"],
          [[equal, missing.count, extra.count, different.count]],
        ),
      );
      if (waiting > 0) output.note(`${waiting} ranges wait to be indexed: is the worker running?`);
      const total = missing.count + extra.count + different.count;
      if (total > 0) {
        const where = [...missing.first, ...extra.first, ...different.first].map((place) =>
          JSON.stringify(place, bigintText),
        );
        const sentence = `${total} differences; \`confabctl search reindex\` mends them. The first of them:`;
        throw new CommandError("differences", [sentence, ...where.slice(0, 20).map((line) => `  ${line}`)].join("\n"));
      }
    });
}

function everyMessage(database: Database): DocumentSource {
  return async function* () {
    const { createMessages } = await import("@confab/database");
    const messages = createMessages(database);
    for (let [afterChatId, afterNumber] = [0n, 0]; ;) {
      const rows = await messages.scan({ afterChatId, afterNumber, limit: ROWS_AT_ONCE });
      if (rows.length > 0) yield rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < ROWS_AT_ONCE) return;
      [afterChatId, afterNumber] = [last.chatId, last.number];
    }
  };
}

async function outboxDepth(database: Database, waitSeconds: number): Promise<number> {
  const { createOutbox } = await import("@confab/database");
  const outbox = createOutbox(database);
  const deadline = performance.now() + waitSeconds * 1000;
  for (;;) {
    const depth = await outbox.depth();
    if (depth === 0 || performance.now() >= deadline) return depth;
    await sleep(LOOK_EVERY_MS);
  }
}

function everySecond(report: (value: number) => void): (value: number) => void {
  let last = performance.now();
  return (value) => {
    if (performance.now() - last < 1000) return;
    last = performance.now();
    report(value);
  };
}

function refusals({ rejected }: RebuildResult): string {
  return rejected.length === 0 ? "" : `, ${rejected.length} refused by the index`;
}

function bigintText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
