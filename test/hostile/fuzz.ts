// `make fuzz` runs schemathesis against the real services until it has sent CASES requests. A server error, or an
// answer that the OpenAPI document does not describe, is a failure. SEED repeats a run from a report.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exit } from "node:process";
import { report } from "../cluster/report.ts";
import { startInstallation } from "./installation.ts";
import { installSchemathesis, runSchemathesis } from "./schemathesis.ts";

const wanted = Number(process.env.CASES ?? 10_000);
const firstSeed = Number(process.env.SEED ?? 1);
/**
 * Number of schemathesis processes to run at the same time. Its own workers are threads, in which Python's parser
 * sometimes fails.
 */
const atOnce = 2;
/** Maximum number of runs. Without it, a document without operations would be tested forever. */
const maxRuns = 40;

const missing = installSchemathesis();
if (missing !== undefined) {
  report(`make fuzz did NOT run: ${missing}`);
  exit(0);
}

const folder = mkdtempSync(join(tmpdir(), "confab-fuzz-"));
const installation = await startInstallation(folder);
let cases = 0;
let failures = 0;
const began = performance.now();
try {
  for (let seed = firstSeed; seed < firstSeed + maxRuns && cases < wanted && failures === 0; seed += atOnce) {
    const seeds = Array.from({ length: atOnce }, (_, index) => seed + index);
    await Promise.all(
      seeds.map(async (own) => {
        // The first runs are short, so that an error in the document becomes visible early.
        const examples = seed === firstSeed ? 20 : 200;
        const { url: baseUrl, adminKey } = installation;
        const folderOfRun = join(folder, `seed-${own}`);
        const result = await runSchemathesis({ baseUrl, adminKey, seed: own, folder: folderOfRun, examples });
        cases += result.cases;
        if (result.failed) failures += 1;
        const verdict = result.failed ? "FAILED" : "no failure";
        report(`seed ${own}: ${result.cases} requests, ${verdict}; ${cases} in total`);
      }),
    );
  }
  const logged = installation.errors();
  for (const line of logged.slice(0, 10)) report(JSON.stringify(line));
  const seconds = Math.round((performance.now() - began) / 1000);
  report(`${cases} requests in ${seconds} s: ${failures} runs failed, ${logged.length} errors logged`);
  if (failures > 0 || logged.length > 0) process.exitCode = 1;
  else if (cases < wanted) {
    report(`Only ${cases} of ${wanted} requests were sent.`);
    process.exitCode = 1;
  }
} finally {
  await installation.stop();
  rmSync(folder, { recursive: true, force: true });
}
