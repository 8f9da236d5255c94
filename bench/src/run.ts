import { loadavg } from "node:os";
import { show } from "./report.ts";
import type { Round } from "./results.ts";
import type { Measured, Row, Settings } from "./rows/row.ts";
import type { World } from "./world.ts";

/** Measures the sides of a row in turn, in as many rounds as the settings require. Writes its progress to stderr. */
export async function measureRow(world: World, settings: Settings, row: Row): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let round = 1; round <= settings.rounds; round += 1) {
    for (const side of row.sides(world)) {
      const loadAverage = loadavg()[0]!;
      const measured = await side.measure(world, settings).catch(failed);
      rounds.push({ round, side: side.name, loadAverage, ...measured });
      const figures = Object.entries(measured.figures).map(
        ([name, value]) => `${name} ${value == null ? "–" : show(value)}`,
      );
      const state = measured.faults.length === 0 ? "verified" : `VOID: ${measured.faults.join("; ")}`;
      console.error(`${row.name}, round ${round}, ${side.name}: ${figures.join(" · ")} · ${state}`);
    }
  }
  return rounds;
}

/** Returns a failure as a void measurement, so that it does not discard the other figures of a long run. */
function failed(error: unknown): Measured {
  return { figures: {}, faults: [error instanceof Error ? error.message : String(error)] };
}
