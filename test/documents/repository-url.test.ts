import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import manifest from "../../package.json" with { type: "json" };

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** Without the prefix and the suffix that npm requires, this is the URL that browsers open and git clones. */
const url = manifest.repository.url.replace(/^git\+/, "").replace(/\.git$/, "");
const owner = url.split("/").at(-2) ?? "";

/** Lists all files that belong to the repository, including new ones. */
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root })
  .toString()
  .split("\n")
  .filter((path) => /\.(md|json|ya?ml|ts|js|sh|tpl|txt)$|(^|\/)(Makefile|Dockerfile|Tiltfile|CODEOWNERS)$/.test(path))
  .filter((path) => path !== "package-lock.json" && path !== "test/documents/repository-url.test.ts")
  .filter((path) => existsSync(join(root, path)));

describe("the URL of the repository, which package.json holds,", () => {
  it("is in the places that need it", () => {
    for (const path of ["README.md", "CONTRIBUTING.md"]) expect(read(path), path).to.include(`git clone ${url}.git`);
    expect(read("charts/confab/Chart.yaml")).to.include(`home: ${url}\n`).and.to.include(`  - ${url}\n`);
    expect(read(".github/CODEOWNERS")).to.include(`@${owner}/`);
  });

  it("is the only one: no other URL and no placeholder stands for it", () => {
    const others = files.flatMap((path) => {
      const found = read(path).match(
        /https?:\/\/[\w.-]+\/[\w.-]+\/confab(?:\.git)?(?![\w-])|<(?:this|your) repository>|your-org/g,
      );
      return (found ?? []).filter((match) => match.replace(/\.git$/, "") !== url).map((match) => `${path}: ${match}`);
    });
    expect(others).to.deep.equal([]);
  });
});

describe("the workflows", () => {
  it("pin every action to a commit, with its version beside it", () => {
    const uses = files
      .filter((path) => path.startsWith(".github/workflows/"))
      .flatMap((path) => [...read(path).matchAll(/\buses: (.*)$/gm)].map(([, action]) => action ?? ""));
    expect(uses.length).to.be.greaterThan(2);
    expect(uses.filter((action) => !/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action))).to.deep.equal([]);
  });
});

describe("documents", () => {
  it("refer to no version that was not released", () => {
    const released = new Set(execFileSync("git", ["tag", "--list", "v*"], { cwd: root }).toString().split("\n"));
    const named = files
      .filter((path) => path.endsWith(".md"))
      .flatMap((path) =>
        [...read(path).matchAll(/\bgit (?:archive|checkout|diff|show) (v\d+\.\d+\.\d+)/g)].map(
          ([, tag]) => `${path}: ${tag ?? ""}`,
        ),
      );
    expect(named.filter((entry) => !released.has(entry.split(": ")[1] ?? ""))).to.deep.equal([]);
  });
});
