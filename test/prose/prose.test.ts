import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readAdvice } from "./glossary.ts";
import { lintFile } from "./lint.ts";
import { patterns } from "./patterns.ts";

const lintPage = (text: string) => lintFile("page.md", text);

const words = readAdvice().filter(({ isExample }) => !isExample);
const examples = readAdvice().filter(({ isExample }) => isExample);

/** Returns the example as running text, and as the cell of a table, where settings are described. */
const inBothPlaces = (phrase: string) => `${phrase}\n\n| setting |\n|---|\n| ${phrase} |\n`;

describe("the prose linter", () => {
  for (const word of words.flatMap(({ avoid }) => avoid)) {
    it(`refuses "${word}"`, async () => {
      expect(await lintPage(`A page with ${word} in it.`)).to.have.length(1);
    });
  }

  for (const example of examples.flatMap(({ avoid }) => avoid)) {
    it(`refuses the pattern of "${example}"`, async () => {
      expect(await lintPage(inBothPlaces(example))).not.to.deep.equal([]);
    });
  }

  it("has an example in the glossary for each of its patterns", () => {
    const all = examples.flatMap(({ avoid }) => avoid);
    const without = patterns.filter(({ expression }) => !all.some((example) => example.search(expression) >= 0));
    expect(without).to.deep.equal([]);
  });

  it("accepts what the glossary recommends", async () => {
    for (const { instead } of readAdvice()) expect(await lintPage(inBothPlaces(instead)), instead).to.deep.equal([]);
  });

  const goodSentences = [
    "So an idle service adds no delay.",
    "Nothing is lost, so workers store it again.",
    "You may do so as often as you like.",
    "What happens when Redis restarts?",
    "## What Confab promises",
    "It waits a second and sends one message a second time.",
    "The answer is 413. A message is too large.",
    "Most clients retry at least once; most of them have a key.",
    "| cell |\n|---|\n| at most 50 connections |",
    "Run `make away` or read [the page](docs/fence.md).",
    "```sh\n# what is away is gone\n```",
    "Of course it holds.",
    "Is anybody there? There is one copy, and the data is there by design.",
  ];
  for (const sentence of goodSentences) {
    it(`accepts "${sentence.replaceAll("\n", " ")}"`, async () => {
      expect(await lintPage(sentence)).to.deep.equal([]);
    });
  }

  it("finds a phrase across two lines and names its line", async () => {
    const findings = await lintPage("# Title\n\nA [link](x.md) and `code`. It is all\nthe same to me.\n");
    expect(findings.map(({ line }) => line)).to.deep.equal([3]);
  });

  it("checks the comments and the strings of sources, and no code", async () => {
    const source = [
      "/**",
      " * Redis is away.",
      " */",
      "export const away = 'gone';",
      "const name = `${away} of the dear dead`; // they are gone",
      "throw new Error('The job is stored anew.');",
    ].join("\n");
    const findings = await lintFile("source.ts", source);
    expect(findings.map(({ line, message }) => `${line} ${message.split(":")[0]!}`)).to.have.members([
      '2 "away"',
      '5 "dear"',
      '5 "gone"',
      '6 "anew"',
    ]);
  });

  it("ends with exit code 1 when a page has such a sentence, and with 0 otherwise", () => {
    const folder = mkdtempSync(join(tmpdir(), "confab-prose-"));
    try {
      const run = (text: string) => {
        const page = join(folder, "page.md");
        writeFileSync(page, text);
        return spawnSync(process.execPath, [join(import.meta.dirname, "main.ts"), page], { encoding: "utf8" });
      };
      expect(run("Redis is away.")).to.include({ status: 1 });
      expect(run("Redis is away.").stdout).to.match(/page\.md:1 "away": write "unavailable/);
      expect(run("Redis is unavailable.")).to.include({ status: 0, stdout: "" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
