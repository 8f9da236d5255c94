import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasElasticsearch, startMysql, testStores, type ServerHandle } from "@confab/testkit";
import { expect } from "chai";
import { controls } from "./nemeses/controls.ts";
import { faults } from "./nemeses/index.ts";
import { runFault } from "./run-fault.ts";
import { mutants } from "./verify/mutants.ts";
import { NothingToMutate, type Mutant } from "./verify/mutate.ts";
import { readRun } from "./verify/read-lines.ts";
import { verify } from "./verify/verdict.ts";
import type { Fault } from "./scene.ts";
import type { SharedStores } from "./world/stores.ts";

/**
 * Faults that need no separate server except Redis, and that hit the points where a message could be lost or stored
 * twice.
 */
const selection = [
  "worker-killed-after-commit",
  "ingest-killed",
  "redis-killed",
  "redis-answer-lost",
  "redis-flushed",
  "commit-answer-lost",
];

describe("under faults", function () {
  this.timeout(180_000);
  let folder: string;
  let mysql: ServerHandle;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-faults-"));
    // The MySQL server that all tests share does not allow the creation of users.
    mysql = await startMysql({ dir: join(folder, "mysql") });
  });
  after(async () => {
    await mysql.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (fault: Fault) => {
    const stores: SharedStores = {
      mysqlUrl: mysql.url,
      mysql: undefined,
      elasticsearch: undefined,
      stop: () => Promise.resolve(),
      elasticsearchUrl: hasElasticsearch() ? testStores().elasticsearchUrl : undefined,
    };
    return runFault({ fault, seed: 1, stores, results: folder, scratch: folder, calmMs: 700, restMs: 500 });
  };

  for (const name of selection) {
    const fault = faults.find((each) => each.name === name)!;
    it(`keeps every promise: ${fault.title}`, async () => {
      // A killed worker keeps its claim of an erasure for a minute, which is too long for a test.
      const verdict = await run({ ...fault, keepsChats: name.startsWith("worker-killed") });
      expect(verdict.anomalies).to.deep.equal([]);
      expect(verdict.messages.ok).to.be.greaterThan(50);
      expect(verdict.windows).to.have.length.greaterThan(0);
    });
  }

  it("notices each mutant of a recorded run", async () => {
    const recorded = await Promise.all(selection.map((name) => readRun(join(folder, name, "1"))));
    /** A short run on a busy machine may lack the lines that a mutant changes, for example a list after a message. */
    function mutated({ what, mutate }: Mutant) {
      for (const run of recorded) {
        try {
          return mutate(run);
        } catch (error) {
          if (!(error instanceof NothingToMutate)) throw error;
        }
      }
      throw new Error(`no run has what this mutant changes: ${what}`);
    }
    const missed = mutants.filter((mutant) => {
      const { history, final } = mutated(mutant);
      return !verify(history, final).anomalies.some(({ invariant }) => invariant === mutant.reddens);
    });
    expect(missed.map(({ what }) => what)).to.deep.equal([]);
  });

  for (const { fault, reddens } of controls.filter(({ inTests }) => inTests)) {
    it(`turns red in ${reddens.join(", ")} when a system breaks its promises: ${fault.title}`, async () => {
      const { anomalies } = await run(fault);
      expect(anomalies.map(({ invariant }) => invariant)).to.include.members([...reddens]);
    });
  }
});
