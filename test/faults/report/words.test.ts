import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { faults } from "../nemeses/index.ts";
import { lossSentence } from "./words.ts";

const rowsOf = (loses: boolean, count: number, documentedLost: number) =>
  faults
    .filter(({ expectations }) => (expectations.loses ?? false) === loses)
    .slice(0, count)
    .map((fault) => ({ fault, lost: 0, documentedLost }));

describe("the report of the fault suite", () => {
  it("says first how many messages were lost, apart for the faults in which a store loses data", () => {
    expect(lossSentence([...rowsOf(true, 2, 1_500), ...rowsOf(false, 3, 0)])).to.equal(
      "0 acknowledged messages lost in 3 faults; 3,000 in the 2 in which a store itself loses data that it had confirmed (redis-flushed 1,500, redis-cut-tail 1,500).",
    );
    expect(lossSentence(rowsOf(false, 3, 0))).to.equal("0 acknowledged messages lost in 3 faults.");
  });

  it("is what the README says", () => {
    const read = (path: string): string => readFileSync(join(import.meta.dirname, "../../..", path), "utf8");
    const [, others, lost, lossy] =
      /^0 acknowledged messages lost in (\d+) faults; ([\d,]+) in the (\d+) in which/m.exec(
        read("docs/reliability/report.md"),
      )!;
    expect(read("README.md")).to.include(
      `0 lost in ${others!} faults; ${lost!} in the ${lossy!} in which a store itself loses data`,
    );
  });
});
