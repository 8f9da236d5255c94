import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect } from "chai";

const root = join(import.meta.dirname, "../..");
const pages = execFileSync("git", ["ls-files", "*.md"], { cwd: root, encoding: "utf8" }).trim().split("\n");
const read = (file: string) => readFileSync(join(root, file), "utf8");

const withoutCode = (page: string) => page.replaceAll(/^ *(```|~~~)[^]*?^ *\1/gm, "").replaceAll(/`[^`\n]*`/g, "");
const codeOf = (page: string) =>
  [...page.matchAll(/^ *```sh\n([^]*?)^ *```/gm)].map(([, code = ""]) => code).join("\n");

/** Returns the anchors that GitHub gives to the headings of a page. */
function anchorsOf(page: string): string[] {
  return [...page.replaceAll(/^ *```[^]*?^ *```/gm, "").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function brokenLinks(page: string): string[] {
  const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? page : normalize(join(dirname(page), path));
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && target.endsWith(".md") && !anchorsOf(read(target)).includes(anchor);
  });
}

describe("the pages of the repository", () => {
  it("lead only to files and headings that exist", () => {
    const broken = pages.flatMap((page) => brokenLinks(page).map((link) => `${page}: ${link}`));
    expect(broken).to.deep.equal([]);
  });

  it("name only make targets and npm scripts that exist", () => {
    const targets = [...read("Makefile").matchAll(/^([a-z0-9-]+):/gm)].map(([, target]) => target);
    const { scripts: byName } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const scripts = Object.keys(byName);
    const commands = pages.flatMap((page) => [
      ...[...codeOf(read(page)).matchAll(/^ *make ([a-z][a-z0-9-]*)/gm)].map(([, name]) => ({
        page,
        name,
        known: targets,
      })),
      ...[...codeOf(read(page)).matchAll(/npm run (?:--\S+ )*([a-z][a-z:-]*)/g)].map(([, name]) => ({
        page,
        name,
        known: scripts,
      })),
    ]);
    expect(commands.length).to.be.greaterThan(20);
    expect(
      commands.filter(({ name, known }) => !known.includes(name ?? "")).map(({ page, name }) => `${page}: ${name}`),
    ).to.deep.equal([]);
  });

  it("have no prompt in blocks of commands, so that they can be pasted", () => {
    expect(pages.filter((page) => /^ *\$ /m.test(codeOf(read(page))))).to.deep.equal([]);
  });

  it("keep the README within 200 lines", () => {
    expect(read("README.md").split("\n").length).to.be.at.most(200);
  });
});
