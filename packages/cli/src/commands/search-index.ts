import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "@confab/database";
import type { Differences, DocumentSource, MessagePosition, RebuildResult } from "@confab/search";
import type { Command } from "commander";
import { seconds, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { counted, table } from "../output.ts";
import { databaseAddress, databaseName, withSearchIndex } from "../stores.ts";

const rowsAtOnce = 500;
const pollMs = 250;
const maxShown = 20;
/** Maximum difference between the clocks of this machine and of a worker, in ms. */
const clocksMs = 2_000;

/** Adds `search reindex` and `search verify`, which operators run directly on the stores. */
export function addIndexCommands(search: Command, io: Io): void {
  search
    .command("reindex")
    .description("build a new index from the database and replace the old one. Searches and writes continue meanwhile")
    .action(async (_options, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const { rebuild } = await import("@confab/search");
      const result = await withSearchIndex(env, async ({ database, index }) => {
        // The backend is switched before the first row is read, so that no worker takes a range for another backend
        // meanwhile.
        const { createSearchBackend } = await import("@confab/database");
        await createSearchBackend(database).switchTo(`elasticsearch/${index.connection.readAlias}`);
        const onProgress = everySecond((copied: number) => {
          output.note(`${counted(copied, "message")} copied`);
        });
        return rebuild(index, { scan: everyMessage(database), onProgress });
      });
      output.result(
        result,
        () => `${result.index} is in use: ${counted(result.copied, "message")} copied${refusals(result)}`,
      );
    });

  search
    .command("verify")
    .description("compare the index with the database, message by message, in both directions")
    .option("--wait <seconds>", "maximum time to wait for stored messages that are not indexed yet", seconds, 30)
    .action(async ({ wait }: { wait: number }, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const { found, waiting } = await withSearchIndex(env, async ({ database, index }) => {
        const { verify } = await import("@confab/search");
        const { createChats } = await import("@confab/database");
        let ranges = await rangesLeft(database, wait);
        let isWaited = false;
        const settled = async (positions: readonly MessagePosition[]) => {
          // One wait is enough, because the whole index has been read by then.
          if (!isWaited) ranges = await rangesLeft(database, wait);
          isWaited = true;
          return rowsOf(database, positions);
        };
        const { equal, ...sides } = await verify(index, everyMessage(database), { settled });
        const chatIds = new Set(Object.values(sides).flatMap(({ first }) => first.map(({ chatId }) => chatId)));
        const chats = await createChats(database).named([...chatIds]);
        return { found: { equal, ...inApiTerms(sides, chats) }, waiting: ranges };
      });
      const { equal, missing, extra, different } = found;
      output.result({ ...found, waiting }, () =>
        table(
          ["EQUAL", "MISSING IN INDEX", "EXTRA IN INDEX", "DIFFERENT"],
          [[equal, missing.count, extra.count, different.count]],
        ),
      );
      if (waiting > 0) {
        output.note(`Not indexed yet: ${counted(waiting, "range")} of messages. Check that a worker is running.`);
      }
      const total = missing.count + extra.count + different.count;
      if (total === 0) return;
      const where = [...missing.first, ...extra.first, ...different.first].map((message) => JSON.stringify(message));
      const name = databaseName(databaseAddress(env));
      const sentence = `${counted(total, "difference")} between ${name} and its index. confabctl search reindex fixes them. The first of them:`;
      throw new CommandError(
        "differences",
        [sentence, ...where.slice(0, maxShown).map((line) => `  ${line}`)].join("\n"),
      );
    });
}

type Sides = Record<"missing" | "extra" | "different", Differences>;
type ChatNames = ReadonlyMap<bigint, { token: string; number: number }>;

/**
 * Identifies each message by token and numbers, like the API. For a deleted chat, only its id in the index is known.
 */
function inApiTerms(sides: Sides, chats: ChatNames) {
  const named = ({ count, first }: Differences) => ({
    count,
    first: first.map(({ chatId, number }) => {
      const chat = chats.get(chatId);
      return chat ? { token: chat.token, chat: chat.number, number } : { deleted_chat: chatId.toString(), number };
    }),
  });
  return { missing: named(sides.missing), extra: named(sides.extra), different: named(sides.different) };
}

function everyMessage(database: Database): DocumentSource {
  return async function* () {
    const { createMessages } = await import("@confab/database");
    const messages = createMessages(database);
    for (let [afterChatId, afterNumber] = [0n, 0]; ;) {
      const rows = await messages.scan({ afterChatId, afterNumber, limit: rowsAtOnce });
      if (rows.length > 0) yield rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < rowsAtOnce) return;
      [afterChatId, afterNumber] = [last.chatId, last.number];
    }
  };
}

async function rowsOf(database: Database, positions: readonly MessagePosition[]) {
  const { createMessages } = await import("@confab/database");
  return createMessages(database).inRanges(
    positions.map(({ chatId, number }) => ({ chatId, from: number, to: number })),
  );
}

/**
 * Waits until workers have indexed everything that is stored now. Returns the number of ranges that are left, which is
 * 0 unless the time ran out.
 */
async function rangesLeft(database: Database, waitSeconds: number): Promise<number> {
  const { createOutbox } = await import("@confab/database");
  const outbox = createOutbox(database);
  const beganAt = performance.now();
  for (;;) {
    const elapsedMs = performance.now() - beganAt;
    const [depth, oldestMs] = await Promise.all([outbox.depth(), outbox.oldestAgeMs()]);
    // While messages arrive, the outbox is never empty. Ranges that are younger than this wait are ignored.
    if (depth === 0 || oldestMs + clocksMs < elapsedMs) return 0;
    if (elapsedMs >= waitSeconds * 1_000) return depth;
    await sleep(pollMs);
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
