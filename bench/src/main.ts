import { writeFile } from "node:fs/promises";
import { exit } from "node:process";
import { ensureWrk } from "./load/wrk.ts";
import { describeMachine } from "./machine.ts";
import { help, readOptions, type Options } from "./options.ts";
import { figuresTable, goalsTable } from "./report.ts";
import { rows } from "./rows/index.ts";
import { measureRow } from "./run.ts";
import { compileServices } from "./services.ts";
import { createWorld } from "./world.ts";
import { writeResults } from "./write.ts";
import type { RowResult } from "./results.ts";

async function measure(options: Options): Promise<RowResult[]> {
  const wrk = await ensureWrk();
  await compileServices();
  const world = await createWorld();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void world.close().finally(() => exit(130)));
  }
  try {
    const machine = { ...(await describeMachine()), wrk };
    const results: RowResult[] = [];
    for (const row of rows.filter(({ name }) => options.only.includes(name))) {
      const rounds = await measureRow(world, options, row);
      const quick = options.isQuick ? "--quick " : "";
      const command = `make bench ARGS="${quick}--only ${row.name} --rounds ${options.rounds} --seconds ${options.seconds}"`;
      const result: RowResult = { name: row.name, date: new Date().toISOString(), command, machine, rounds };
      results.push(result);
      // Each row is written as soon as it is measured, so that it is kept if a later row is interrupted.
      if (options.write) await writeResults([result]);
    }
    return results;
  } finally {
    await world.close();
  }
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(help);
  else {
    const results = await measure(options);
    if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
    for (const result of results) console.log(`\n${result.name}\n\n${figuresTable(result)}`);
    console.log(`\n${goalsTable(rows, results)}`);
    if (results.some(({ rounds }) => rounds.some(({ faults }) => faults.length > 0))) process.exitCode = 1;
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
