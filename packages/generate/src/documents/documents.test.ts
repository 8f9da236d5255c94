import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { problems } from "@confab/contracts";
import { documents, repository } from "./documents.ts";

describe("the generated documents", () => {
  it("are committed as their sources produce them", () => {
    for (const [path, text] of Object.entries(documents())) {
      expect(readFileSync(join(repository, path), "utf8"), `${path}: run make generate`).to.equal(text);
    }
  });

  it("have a section for each problem", () => {
    const page = documents()["docs/reference/problems.md"];
    for (const [code, { status, meaning }] of Object.entries(problems)) {
      expect(page).to.include(`## ${code}\n\n**${status} `).and.to.include(meaning);
    }
  });
});
