import type { Command } from "commander";
import { duration, number, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { table } from "../output.ts";
import { kinds } from "../verify/run.ts";
import { anomalies, type Anomaly } from "../verify/verdict.ts";
import { verifyInstallation, type Verification } from "../verify/verify-installation.ts";

interface VerifyOptions {
  messages: number;
  chats: number;
  senders: number;
  duration: number;
  settle: number;
}

const most = { messages: 100_000, chats: 64, senders: 32, duration: 3_600_000, settle: 600_000 };

/** `verify [--messages 2000] [--duration 30s]`. */
export function addVerifyCommand(program: Command, io: Io): void {
  program
    .command("verify")
    .description(
      "send and read messages at the same time, then compare: nothing acknowledged may be lost, doubled, out of order or unseen. Works in an application of its own, which stays",
    )
    .option("--messages <n>", "messages to send, 100,000 at most", number, 2_000)
    .option("--chats <n>", "chats that they go to, each with somebody who polls it", number, 4)
    .option("--senders <n>", "clients that send at the same time", number, 4)
    .option("--duration <duration>", "stop sending then, whatever was sent", duration, 60_000)
    .option("--settle <duration>", "how long storing, counting and finding may take", duration, 30_000)
    .action(async (options: VerifyOptions, command: Command) => {
      const { api, output } = toolsOf(io, command);
      const bounded = Object.fromEntries(
        (Object.keys(most) as (keyof VerifyOptions)[]).map((name) => [name, Math.min(options[name], most[name])]),
      ) as unknown as VerifyOptions;
      const { messages, chats, senders, duration: durationMs, settle: settleMs } = bounded;
      output.note(`sending up to ${messages} messages to ${chats} chats at ${api.url}`);
      const result = await verifyInstallation(api, { messages, chats, senders, durationMs, settleMs });
      output.result(result, () => report(result));
      const found = Object.values(result.anomalies).reduce((sum, count) => sum + count, 0);
      if (found > 0) throw new CommandError("differences", `Confab broke a promise: ${found} anomalies.`);
      if (result.ok === 0)
        throw new CommandError("unavailable", "No message was acknowledged, so nothing is verified.");
    });
}

function report(result: Verification): string {
  const { attempted, ok, unknown, unknown_there: there, failed, seconds, visible_after_ms: visible } = result;
  const counts = table(
    ["MESSAGES", "COUNT", "MEANING"],
    [
      ["attempted", attempted, `in ${seconds} s`],
      ["ok", ok, "acknowledged with a number"],
      ["unknown", unknown, `no answer said whether they were taken; ${there} are there`],
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
