import { exit } from "node:process";
import { describeMachine, median } from "../report.ts";
import { createWorld } from "../world.ts";
import { help, readOptions } from "./options.ts";
import { summarise, table } from "./report.ts";
import { measureRound, type TelemetryRound } from "./round.ts";

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    console.log(help);
    return;
  }
  const world = await createWorld(process.env);
  // The services end with this process; the database of a given server and the temporary folder would stay.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void world.close().finally(() => exit(130)));
  }
  try {
    const rounds: TelemetryRound[] = [];
    for (let round = 1; round <= options.rounds; round += 1) {
      const results = await measureRound(world, round, options);
      rounds.push(...results);
      for (const { mode, cpu, accepted, faults } of results) {
        const verdict = faults.length === 0 ? "verified" : `VOID: ${faults.join("; ")}`;
        const used = median(cpu)?.toFixed(1) ?? "–";
        console.error(`round ${round}, ${mode}: ${used} µs/message, ${accepted.toFixed(0)} accepted/s, ${verdict}`);
      }
    }
    const machine = describeMachine(world);
    const summary = summarise(rounds);
    if (options.json) console.log(JSON.stringify({ machine, options, summary, rounds }, undefined, 2));
    else {
      const facts = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
      console.log(`\n${facts.join(" · ")}\n\n${table(summary)}`);
    }
    if (rounds.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
  } finally {
    await world.close();
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
