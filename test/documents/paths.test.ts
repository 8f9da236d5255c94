import { execFileSync } from "node:child_process";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";

const root = join(import.meta.dirname, "../..");
const tracked = (...patterns: string[]): string[] =>
  execFileSync("git", ["ls-files", ...patterns], { cwd: root, encoding: "utf8" })
    .trim()
    .split("\n");

/** Pages that cite tests as proof. */
const pagesWithProof = ["docs/reliability/README.md", "docs/explanation/security.md"];

/** Paths that the documents may name although they do not exist. ADR 21 explains why this program was deleted. */
const deleted = ["bench/src/telemetry"];

/** Returns the paths in a page's backticks; `a/{b,c}.ts` gives two. */
function quotedPaths(page: string): string[] {
  const quoted = readFileSync(join(root, page), "utf8").matchAll(/`([^`\s]+\/[^`\s]*)`/g);
  return [...quoted].flatMap(([, path = ""]) => expand(path));
}

function expand(path: string): string[] {
  const [all, before, choices, after] = /^(.*?)\{([^}]*)\}(.*)$/.exec(path) ?? [];
  if (all === undefined) return [path];
  return (choices ?? "").split(",").flatMap((choice) => expand(`${before ?? ""}${choice}${after ?? ""}`));
}

const missing = (paths: readonly string[]): string[] =>
  paths.filter((path) => globSync(path, { cwd: root }).length === 0);

describe("the tables of the packages", () => {
  const packages = readdirSync(join(root, "packages"));
  const expected: [page: string, name: (name: string) => string][] = [
    ["CONTRIBUTING.md", (name) => `\`packages/${name}\``],
  ];
  for (const [page, quote] of expected) {
    it(`have all of them: ${page}`, () => {
      const rows = readFileSync(join(root, page), "utf8")
        .split("\n")
        .filter((line) => line.startsWith("| `"));
      const cells = rows.map((row) => row.split("|")[1]).join();
      expect(packages.filter((name) => !cells.includes(quote(name)))).to.deep.equal([]);
    });
  }
});

describe("the paths that pages name", () => {
  for (const page of pagesWithProof) {
    it(`lead to tests that exist: ${page}`, () => {
      const paths = quotedPaths(page).filter((path) => /(^|\/)test\/|\.test\.ts$/.test(path));
      expect(paths.length).to.be.greaterThan(10);
      expect(missing(paths)).to.deep.equal([]);
    });
  }

  it("exist if they begin with a folder of the repository", () => {
    const folders = new Set(tracked().flatMap((file) => (file.includes("/") ? [file.split("/")[0]] : [])));
    const isOurs = (path: string): boolean => folders.has(path.split("/")[0]) && !deleted.includes(path);
    const wrong = tracked("*.md").flatMap((page) =>
      missing(quotedPaths(page).filter(isOurs)).map((path) => `${page}: ${path}`),
    );
    expect(wrong).to.deep.equal([]);
  });
});
