import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openLane, type Lane } from "./lane.ts";

describe("a lane of tests", () => {
  let folder: string;
  let lane: Lane;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-lane-"));
    lane = openLane();
  });
  after(async () => {
    await lane.close();
    await rm(folder, { recursive: true });
  });

  async function run(name: string, text: string) {
    const file = join(folder, `${name}.test.mjs`);
    await writeFile(file, text);
    return lane.run(file);
  }

  it("reports what passed, what failed and what a file wrote", async () => {
    const ran = await run(
      "mixed",
      `it("one", () => {}); it("two", () => { console.log("hello"); throw new Error("no"); });`,
    );
    expect(ran).to.deep.include({ passed: 1, failed: ["two\n    no"] });
    expect(ran.output).to.contain("hello").and.contain("Error: no");
    expect((await run("green", `it("three", () => {});`)).output).not.to.contain("hello");
  });

  it("counts a skipped test, an exclusive test and a file that cannot be loaded as failed", async () => {
    expect((await run("skipped", `it.skip("four", () => {});`)).failed).to.have.length(1);
    expect((await run("only", `it.only("five", () => {});`)).failed).to.have.length(1);
    expect((await run("broken", `throw new Error("at once");`)).failed).to.have.length(1);
  });

  it("counts a file that ends its process as failed, and runs the next one", async () => {
    expect((await run("exit", `it("six", () => process.exit(3));`)).failed).to.have.length(1);
    expect(await run("next", `it("seven", () => {});`)).to.deep.include({ passed: 1, failed: [] });
  });
});
