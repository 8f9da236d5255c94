import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { controls } from "./controls.ts";
import { mutantsVariable, type SourceMutant } from "../world/source-mutant.ts";

const root = join(import.meta.dirname, "../../..");

describe("controls of the fault suite", () => {
  it("replace texts that stand exactly once in their files", async () => {
    const mutants = controls.flatMap(({ fault }) =>
      Object.values(fault.env ?? {}).flatMap((env) => JSON.parse(env[mutantsVariable] ?? "[]") as SourceMutant[]),
    );
    expect(mutants).to.have.length.above(10);
    for (const { file, from } of mutants) {
      const parts = (await readFile(join(root, file), "utf8")).split(from);
      expect(parts, `${file}: ${from}`).to.have.length(2);
    }
  });
});
