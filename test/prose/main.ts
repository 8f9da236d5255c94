import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { lintFile } from "./lint.ts";

// npm run prose [-- --all | files]: with --all, also the files that wait to be rewritten.
const { values, positionals } = parseArgs({ allowPositionals: true, options: { all: { type: "boolean" } } });

const root = join(import.meta.dirname, "../..");
/** The linter's own test quotes bad sentences. */
const exempt = "test/prose/prose.test.ts";
/** Files and folders that do not pass yet. Remove a line when you have rewritten the prose. */
const waiting = readFileSync(join(import.meta.dirname, "waiting.txt"), "utf8")
  .trim()
  .split("\n");

function tracked(): string[] {
  const all = execFileSync("git", ["ls-files", "*.md", "*.ts"], { cwd: root, encoding: "utf8" }).trim().split("\n");
  const waits = (file: string) =>
    waiting.some((place) => file === place || (place.endsWith("/") && file.startsWith(place)));
  return all.filter((file) => file !== exempt && (values.all === true || !waits(file)));
}

let found = 0;
for (const file of positionals.length > 0 ? positionals : tracked()) {
  for (const { line, message } of await lintFile(file, readFileSync(resolve(root, file), "utf8"))) {
    found += 1;
    process.stdout.write(`${file}:${line} ${message}\n`);
  }
}
if (found > 0) {
  process.stdout.write(`${found} sentences to rewrite: see "Words to avoid" in docs/reference/glossary.md\n`);
  process.exitCode = 1;
}
