import { Option, type Command } from "commander";
import { duration, number, token, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { counted, table } from "../output.ts";
import { verifyQuickly } from "../verify/quick.ts";
import { kinds } from "../verify/run.ts";
import { anomalies, type Anomaly } from "../verify/verdict.ts";
import { verifyInstallation, type Verification } from "../verify/verify-installation.ts";

interface VerifyOptions {
  readonly messages: number;
  readonly chats: number;
  readonly senders: number;
  readonly duration: number;
  readonly settle: number;
}

interface QuickOptions {
  readonly quick?: boolean;
  readonly application?: string;
  readonly timeout: number;
}

const maximum = { messages: 100_000, chats: 64, senders: 32, duration: 3_600_000, settle: 600_000 };

/** `verify [--messages 2000] [--duration 30s]`, and `verify --quick [--application TOKEN] [--timeout 1m]`. */
export function addVerifyCommand(program: Command, io: Io): void {
  program
    .command("verify")
    .description(
      "send and read messages in parallel, then compare: no acknowledged message may be lost, duplicated, out of order or invisible. It creates an application of its own, which stays",
    )
    .option("--messages <n>", "number of messages to send, at most 100,000", number, 2_000)
    .option("--chats <n>", "number of chats, each with a client that polls it", number, 4)
    .option("--senders <n>", "number of clients that send in parallel", number, 4)
    .addOption(new Option("--duration <duration>", "maximum time to send").argParser(duration).default(60_000, "1m"))
    .addOption(
      new Option("--settle <duration>", "maximum time until messages are stored, counted and searchable")
        .argParser(duration)
        .default(30_000, "30s"),
    )
    .addOption(
      new Option(
        "--quick",
        "only create a chat, and send, read, list, find and count one message; prints each step",
      ).conflicts(Object.keys(maximum)),
    )
    .option("--application <token>", "with --quick: use this application instead of creating one", token)
    .addOption(
      new Option("--timeout <duration>", "with --quick: maximum duration of all steps")
        .argParser(duration)
        .default(60_000, "1m"),
    )
    .action(async (options: VerifyOptions & QuickOptions, command: Command) => {
      const tools = toolsOf(io, command);
      const { api, output } = tools;
      if (options.quick === true) {
        await verifyQuickly(tools, options.application, options.timeout);
        return;
      }
      if (options.application !== undefined || command.getOptionValueSource("timeout") === "cli") {
        command.error("error: --application and --timeout need --quick.");
      }
      const bounded = Object.fromEntries(
        (Object.keys(maximum) as (keyof typeof maximum)[]).map((name) => [
          name,
          Math.min(options[name], maximum[name]),
        ]),
      ) as unknown as VerifyOptions;
      const { messages, chats, senders, duration: durationMs, settle: settleMs } = bounded;
      output.note(`Sending up to ${counted(messages, "message")} to ${counted(chats, "chat")} at ${api.url}.`);
      const result = await verifyInstallation(api, { messages, chats, senders, durationMs, settleMs });
      output.result(result, () => report(result));
      const found = Object.values(result.anomalies).reduce((sum, count) => sum + count, 0);
      if (found > 0)
        throw new CommandError(
          "differences",
          `Confab broke a promise: ${found === 1 ? "1 anomaly" : `${found} anomalies`}. Report it with the output above and the logs of this time.`,
        );
      if (result.ok === 0)
        throw new CommandError(
          "unavailable",
          "No message was acknowledged, so nothing was verified. Check that ingest is running.",
        );
    });
}

function report(result: Verification): string {
  const { attempted, ok, unknown, unknown_there: there, failed, seconds, visible_after_ms: visible } = result;
  const counts = table(
    ["MESSAGES", "COUNT", "MEANING"],
    [
      ["attempted", attempted, `in ${seconds} s`],
      ["ok", ok, "acknowledged with a number"],
      ["unknown", unknown, `without an answer that says whether they were accepted; ${there} of them exist`],
      ["failed", failed, "refused"],
      ...(Object.keys(anomalies) as Anomaly[]).map((name) => [name, result.anomalies[name], anomalies[name]]),
    ],
  );
  const rows = kinds.map((kind) => {
    const { samples, p50, p99, max } = visible[kind];
    return [kind, samples, p50 ?? "", p99 ?? "", max ?? ""];
  });
  const latencies = table(["VISIBLE AFTER", "SAMPLES", "P50 MS", "P99 MS", "MAX MS"], rows);
  return [counts, "", latencies, ...(result.examples.length > 0 ? ["", ...result.examples] : [])].join("\n");
}
