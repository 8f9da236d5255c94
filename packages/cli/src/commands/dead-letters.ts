import type { Environment } from "@confab/config";
import type { DeadLetter, DeadLetters } from "@confab/database";
import { InvalidArgumentError, type Command } from "commander";
import { number, toolsOf } from "../command-tools.ts";
import { asksFirst, expectConsent } from "../consent.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { columns, counted, shortened, table, type Output } from "../output.ts";
import { withDatabase } from "../stores.ts";

/** Adds `dead-letters list|show|retry|drop`, which operators run directly on the database. */
export function addDeadLetterCommands(program: Command, io: Io): void {
  const group = program
    .command("dead-letters")
    .description("list, retry and drop accepted messages that cannot be stored");

  group
    .command("list")
    .description("list dead letters, oldest first")
    .option("--limit <n>", "maximum number of dead letters", number, 50)
    .option("--after <id>", "list only those after this id", letterId)
    .action(async ({ limit, after }: { limit: number; after?: bigint }, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const page = await withDeadLetters(env, (letters) => letters.list({ limit, after }));
      const items = page.items.map(described);
      output.result(items, () =>
        table(
          ["ID", "APPLICATION", "CHAT", "NUMBER", "ACCEPTED", "REASON"],
          items.map(({ id, application_token, chat_number, number, accepted_at, reason }) => {
            return [String(id), application_token, chat_number, number, output.time(accepted_at), shortened(reason)];
          }),
        ),
      );
      if (page.next !== undefined) output.note(`There are more. List them with --after ${page.next}.`);
    });

  group
    .command("show")
    .description("show a dead letter with its body and the reason")
    .argument("<id>", "from the list", letterId)
    .action(async (id: bigint, _options, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const found = await withDeadLetters(env, (letters) => letters.find(id));
      if (found === undefined) throw noSuchLetter(id);
      const letter = described(found);
      output.result(letter, () =>
        columns(
          Object.entries({ ...letter, ...shownTimes(letter, output) }).map(([name, value]) => [name, String(value)]),
        ),
      );
    });

  group
    .command("retry")
    .description("store dead letters under their own numbers. Those that are refused again stay")
    .argument("<id...>", "from the list", (text: string, earlier: bigint[] | undefined) => [
      ...(earlier ?? []),
      letterId(text),
    ])
    .action(async (ids: bigint[], _options, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const results = await withDeadLetters(env, async (letters) => {
        const done = [];
        for (const id of ids) done.push({ id, ...(await letters.restore(id)) });
        return done;
      });
      output.result(results, () =>
        results
          .map((result) => (result.restored ? `${result.id} stored` : `${result.id} refused: ${result.reason}`))
          .join("\n"),
      );
      const refused = results.filter(({ restored }) => !restored).length;
      if (refused > 0)
        throw new CommandError(
          "refused",
          `${refused} of ${counted(results.length, "dead letter")} could not be stored. Correct the cause, then retry them.`,
        );
    });

  asksFirst(
    group
      .command("drop")
      .description("delete a dead letter. Its message is lost, and lists show its number as deleted"),
  )
    .argument("<id>", "from the list", letterId)
    .action(async (id: bigint, _options, command: Command) => {
      const { env, output } = toolsOf(io, command);
      await expectConsent(io, command, async () => {
        const letter = await withDeadLetters(env, (letters) => letters.find(id));
        if (letter === undefined) throw noSuchLetter(id);
        const { token, chatNumber, number: message } = letter;
        return `This drops dead letter ${id}: message ${message} of chat ${chatNumber} in application ${token} is lost.`;
      });
      const dropped = await withDeadLetters(env, (letters) => letters.remove(id));
      if (!dropped) throw noSuchLetter(id);
      output.result({ id, dropped }, () => `${id} dropped`);
    });
}

async function withDeadLetters<T>(env: Environment, work: (letters: DeadLetters) => Promise<T>): Promise<T> {
  const { createDeadLetters } = await import("@confab/database");
  return withDatabase(env, (database) => work(createDeadLetters(database)));
}

function described(letter: DeadLetter) {
  return {
    id: letter.id,
    application_token: letter.token,
    chat_number: letter.chatNumber,
    number: letter.number,
    accepted_at: letter.acceptedAt.toISOString(),
    refused_at: letter.createdAt.toISOString(),
    request_id: letter.requestId,
    reason: letter.reason,
    body: Buffer.from(letter.body).toString(),
  };
}

function shownTimes({ accepted_at, refused_at }: ReturnType<typeof described>, { time }: Output) {
  return { accepted_at: time(accepted_at), refused_at: time(refused_at) };
}

function letterId(text: string): bigint {
  if (!/^\d{1,18}$/.test(text)) throw new InvalidArgumentError("It must be the id of a dead letter, a whole number.");
  return BigInt(text);
}

function noSuchLetter(id: bigint): CommandError {
  return new CommandError("refused", `There is no dead letter ${id}. See confabctl dead-letters list.`);
}
