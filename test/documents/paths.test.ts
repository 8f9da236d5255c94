import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";

const root = join(import.meta.dirname, "../..");

/** Pages that name tests as proof. */
const pages = ["README.md", "docs/explanation/security.md"];

/** Paths in backticks that lead to a test, or to a folder of tests. */
function testPaths(page: string): string[] {
  const quoted = [...readFileSync(join(root, page), "utf8").matchAll(/`([^`\s]+\/[^`\s]*)`/g)].map(
    ([, path]) => path ?? "",
  );
  return quoted.filter((path) => /(^|\/)test\/|\.test\.ts$/.test(path));
}

/** `a/{b,c}.ts` as two paths. */
function expand(path: string): string[] {
  const [all, before, choices, after] = /^(.*?)\{([^}]*)\}(.*)$/.exec(path) ?? [];
  if (all === undefined) return [path];
  return (choices ?? "").split(",").flatMap((choice) => expand(`${before ?? ""}${choice}${after ?? ""}`));
}

describe("the pages that name tests as proof", () => {
  for (const page of pages) {
    it(`name only tests that exist: ${page}`, () => {
      const paths = testPaths(page).flatMap(expand);
      expect(paths.length).to.be.greaterThan(10);
      expect(paths.filter((path) => globSync(path, { cwd: root }).length === 0)).to.deep.equal([]);
    });
  }
});
