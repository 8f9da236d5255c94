// `make fuzz`: schemathesis against the real services, until CASES requests were made. Any server error, and any answer
// that the description does not have, fails it. SEED repeats the run that a report names.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exit } from "node:process";
import { report } from "../cluster/report.ts";
import { startInstallation } from "./installation.ts";
import { installSchemathesis, runSchemathesis } from "./schemathesis.ts";

const wanted = Number(process.env.CASES ?? 10_000);
const firstSeed = Number(process.env.SEED ?? 1);
/** Processes, since its own workers are threads, in which Python's parser fails now and then. */
const atOnce = 2;
/** So that a description without operations does not run for ever. */
const mostRuns = 40;

const missing = installSchemathesis();
if (missing !== undefined) {
  report(`make fuzz was NOT run: ${missing}`);
  exit(0);
}

const folder = mkdtempSync(join(tmpdir(), "confab-fuzz-"));
const installation = await startInstallation(folder);
let cases = 0;
let failures = 0;
const began = performance.now();
try {
  for (let seed = firstSeed; seed < firstSeed + mostRuns && cases < wanted && failures === 0; seed += atOnce) {
    const seeds = Array.from({ length: atOnce }, (_, index) => seed + index);
    await Promise.all(
      seeds.map(async (own) => {
        // The first ones are small: a mistake in the description shows soon.
        const examples = seed === firstSeed ? 20 : 200;
        const { url: baseUrl, adminKey } = installation;
        const folderOfRun = join(folder, `seed-${own}`);
        const result = await runSchemathesis({ baseUrl, adminKey, seed: own, folder: folderOfRun, examples });
        cases += result.cases;
        if (result.failed) failures += 1;
        const verdict = result.failed ? "FAILED" : "nothing found";
        report(`seed ${own}: ${result.cases} requests, ${verdict}; ${cases} in all`);
      }),
    );
  }
  const logged = installation.errors();
  for (const line of logged.slice(0, 10)) report(JSON.stringify(line));
  const seconds = Math.round((performance.now() - began) / 1000);
  report(`${cases} requests in ${seconds} s: ${failures} runs failed, ${logged.length} errors logged`);
  if (failures > 0 || logged.length > 0) process.exitCode = 1;
  else if (cases < wanted) {
    report(`Fewer than the ${wanted} that were wanted.`);
    process.exitCode = 1;
  }
} finally {
  await installation.stop();
  rmSync(folder, { recursive: true, force: true });
}
