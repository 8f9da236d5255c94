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
/** So that a description without operations does not run for ever. */
const mostRounds = 40;

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
  for (let round = 0; round < mostRounds && cases < wanted && failures === 0; round += 1) {
    const seed = firstSeed + round;
    const { url: baseUrl, adminKey } = installation;
    // The first one is small: a mistake in the description shows within a minute.
    const result = await runSchemathesis({ baseUrl, adminKey, seed, folder, examples: round === 0 ? 20 : 200 });
    cases += result.cases;
    if (result.failed) failures += 1;
    report(`seed ${seed}: ${result.cases} requests, ${result.failed ? "FAILED" : "nothing found"}; ${cases} in all`);
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
