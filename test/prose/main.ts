import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { lintPage } from "./lint.ts";

const root = join(import.meta.dirname, "../..");

/** Pages that do not pass yet. Remove a page when you have rewritten it, or its source. */
const waiting = readFileSync(new URL("waiting-pages.txt", import.meta.url), "utf8").split("\n");
const given = process.argv.slice(2);
const tracked = execFileSync("git", ["ls-files", "*.md"], { cwd: root, encoding: "utf8" }).trim().split("\n");
const pages = given.length > 0 ? given : tracked.filter((page) => !waiting.includes(page));

let found = 0;
for (const page of pages) {
  for (const { line, column, message } of await lintPage(readFileSync(resolve(root, page), "utf8"))) {
    found += 1;
    process.stdout.write(`${page}:${line}:${column} ${message}\n`);
  }
}
if (found > 0) {
  process.stdout.write(`${found} sentences to rewrite: see "Words to avoid" in docs/reference/glossary.md\n`);
  process.exitCode = 1;
}
