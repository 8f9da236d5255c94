import { Option, type Command } from "commander";
import { onApplication } from "../application-arguments.ts";
import { duration, number, toolsOf } from "../command-tools.ts";
import { asksFirst, expectConsent } from "../consent.ts";
import { certify, described, waitUntilFinished, type Certificate } from "../erase/erase.ts";
import { openErasedStores } from "../erase/open-stores.ts";
import { probesOf, type Probe } from "../erase/probes.ts";
import { idsOf, type Target } from "../erase/target.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { counted, printable, table } from "../output.ts";

interface EraseOptions {
  readonly chat?: number;
  readonly sender?: string;
  readonly verify?: boolean;
  readonly dryRun?: boolean;
  readonly wait: number;
}

/** `erase [--chat 7 | --sender user-17] [--verify]`: for operators, directly on the stores. */
export function addEraseCommand(program: Command, io: Io): void {
  onApplication(
    asksFirst(
      program
        .command("erase")
        .description(
          "delete an application, one of its chats or what a sender wrote in it, and wait until the workers have erased it from all stores. One that was already deleted is only waited for",
        ),
    )
      .addOption(new Option("--chat <n>", "only this chat").argParser(number).conflicts("sender"))
      .option("--sender <id>", "only the messages and read horizons of this sender; tombstones stay")
      .option("--verify", "count what every store has of it, before and after, and show each query")
      .option("--dry-run", "only count what every store has of it")
      .addOption(
        new Option("--wait <duration>", "maximum time until it is erased").argParser(duration).default(600_000, "10m"),
      ),
    [],
    async (token, _values, command) => {
      const { env, output } = toolsOf(io, command);
      const { chat, sender, verify = false, dryRun = false, wait } = command.opts<EraseOptions>();
      const target = { token, chat, sender };
      const name = nameOf(target);
      const stores = await openErasedStores(env);
      try {
        const probes = async () => probesOf(stores, target, await idsOf(stores.database, target));
        if (dryRun) {
          const found = await preview(await probes());
          output.result({ ...described(target), found }, () =>
            table(
              ["STORE", "WHAT", "COUNT", "QUERY"],
              found.map(({ store, what, count, query }) => [store, what, count, query]),
            ),
          );
          return;
        }
        if (await stores.exists(target)) {
          await expectConsent(io, command, () => `This erases ${inQuestion(target)} from every store.`);
        }
        const before = verify ? await counts(await probes()) : undefined;
        const erasure = await stores.erase(target);
        if (!erasure && !(await stores.find(target))) {
          throw new CommandError("refused", `${name} does not exist, and was not deleted either.`);
        }
        output.note(`${name} ${erasure ? "is" : "was already"} deleted. Waiting until every store is erased.`);
        const finished = await waitUntilFinished(
          () => stores.find(target),
          wait,
          (stage) => {
            output.note(stage);
          },
        );
        if (!verify) {
          const done = { ...described(target), finished_at: finished.finishedAt };
          output.result(done, () => `${name} is erased.`);
          return;
        }
        // Again, because a chat may have been created meanwhile.
        const certificate = await certify(target, finished, await probes(), erasure ? before : undefined);
        output.result(certificate, () => report(certificate));
        if (certificate.left > 0) {
          throw new CommandError(
            "differences",
            `${counted(certificate.left, "thing")} that should be erased ${certificate.left === 1 ? "is" : "are"} left. Report it with the output above and the logs of the workers.`,
          );
        }
      } finally {
        await stores.close();
      }
    },
    { isNamed: true },
  );
}

function inQuestion({ token, chat, sender }: Target): string {
  if (sender !== undefined) return `everything that ${printable(sender)} wrote in application ${token}`;
  return chat === undefined ? `application ${token} and everything in it` : `chat ${chat} of application ${token}`;
}

function nameOf({ chat, sender }: Target): string {
  if (sender !== undefined) return "Everything that the sender wrote";
  return chat === undefined ? "The application" : `Chat ${chat}`;
}

async function preview(probes: readonly Probe[]) {
  const found = await counts(probes);
  return probes.map(({ store, what, query }, at) => ({ store, what, count: found[at]!, query }));
}

async function counts(probes: readonly Probe[]): Promise<number[]> {
  const found: number[] = [];
  for (const probe of probes) found.push(await probe.count());
  return found;
}

function report({ evidence, left, remains_by_design: remains }: Certificate): string {
  const rows = evidence.map(({ store, what, query, before, after }) => [store, what, before ?? "", after, query]);
  return [
    table(["STORE", "WHAT", "BEFORE", "AFTER", "QUERY"], rows),
    "",
    left === 0 ? "Nothing is left, except by design:" : "By design, there also remains:",
    ...remains.map((line) => `- ${line}`),
  ].join("\n");
}
