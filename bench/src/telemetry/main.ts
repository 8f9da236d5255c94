import { median } from "../report.ts";
import { run } from "../run.ts";
import type { World } from "../world.ts";
import { help, readOptions } from "./options.ts";
import { summarise, table } from "./report.ts";
import { measureRound, type RoundOptions, type TelemetryRound } from "./round.ts";

async function measure(world: World, options: RoundOptions & { readonly rounds: number }): Promise<TelemetryRound[]> {
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
  return rounds;
}

await run({ help, readOptions, measure, summarise, table });
