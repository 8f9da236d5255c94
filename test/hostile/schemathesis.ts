import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "@confab/local";
import { report } from "../cluster/report.ts";

const version = "4.32.5";
const cache = join(cacheFolder, `schemathesis-${version}`);
const program = join(cache, "bin/schemathesis");

/** Installs schemathesis once, into a separate folder. Returns the reason in a sentence if that is not possible. */
export function installSchemathesis(): string | undefined {
  if (existsSync(program)) return undefined;
  if (spawnSync("python3", ["-c", "import sys, venv; sys.exit(sys.version_info < (3, 10))"]).status !== 0) {
    return "it needs Python 3.10 or later with venv.";
  }
  mkdirSync(cache, { recursive: true });
  const steps: [string, string[]][] = [
    ["python3", ["-m", "venv", cache]],
    [join(cache, "bin/pip"), ["install", "--quiet", `schemathesis==${version}`]],
  ];
  for (const [command, args] of steps) {
    const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
    if (status !== 0) return `schemathesis ${version} cannot be installed: ${stderr.trim().split("\n").at(-1) ?? ""}`;
  }
  return undefined;
}

// The first check does not run, because valid data may be refused: most generated tokens and numbers do not exist.
//
// Requests with invalid data must be answered with one of the expected statuses. This check does not run for batch
// requests, whose items are judged one by one: the request succeeds, and its answer refuses the invalid items.
const settings = `[checks.positive_data_acceptance]
enabled = false

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 411, 413, 414, 415, 422, 429, 431]

[[operations]]
include-name = "POST /messages/batch"
checks.negative_data_rejection.enabled = false
`;

export interface Round {
  readonly baseUrl: string;
  readonly adminKey: string;
  readonly seed: number;
  /** Maximum number of examples per operation and phase. */
  readonly examples: number;
  /** Folder for the run's own files. */
  readonly folder: string;
}

interface Finished {
  /** Number of requests that schemathesis generated. */
  readonly cases: number;
  /** Whether schemathesis found a failure, or could not test at all. */
  readonly failed: boolean;
}

/** Runs schemathesis once on the api's OpenAPI document and its links, and prints the failures. */
export async function runSchemathesis({ baseUrl, adminKey, seed, examples, folder }: Round): Promise<Finished> {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, "schemathesis.toml");
  writeFileSync(config, settings);
  const args = [
    "--config-file",
    config,
    "run",
    `${baseUrl}/openapi.json`,
    "--url",
    baseUrl,
    "--phases",
    "examples,coverage,fuzzing,stateful",
    "--max-examples",
    String(examples),
    "--seed",
    String(seed),
    "--header",
    `Authorization: Bearer ${adminKey}`,
    "--request-timeout",
    "30",
    "--suppress-health-check",
    "all",
    "--generation-database",
    "none",
    "--warnings",
    "off",
    "--no-color",
    "--continue-on-failure",
  ];
  const child = spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) report(output.replaceAll(/^(.{400}).*$/gm, "$1…"));
  return { cases: Number(/^ *(\d+) generated/m.exec(output)?.[1] ?? 0), failed: code !== 0 };
}
