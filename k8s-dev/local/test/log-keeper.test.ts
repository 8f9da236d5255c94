import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { bindToThisProcess, end, isRunning, unbind } from "../src/index.ts";
import { startLogKeeper } from "../src/log-keeper.ts";

describe("the log keeper", function () {
  this.timeout(30_000);
  const folder = mkdtempSync(join(tmpdir(), "confab-logs-"));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("empties a log that has grown too large under the program that writes it, and keeps what was in it once", async () => {
    const logs = join(folder, "logs");
    const deep = join(folder, "data/redis/data");
    for (const path of [logs, deep]) mkdirSync(path, { recursive: true });
    const large = join(folder, "data/redis/redis.log");
    writeFileSync(join(logs, "small.log"), "small");
    writeFileSync(join(deep, "tc.log"), "x".repeat(5000));
    const program = openSync(large, "a");
    writeSync(program, `first${"x".repeat(5000)}`);

    const keeper = startLogKeeper([logs, join(folder, "data")], { maxBytes: 1000, seconds: 1 });
    bindToThisProcess({ process: keeper });
    const deadline = performance.now() + 10_000;
    while (statSync(large).size > 1000 && performance.now() < deadline) await sleep(50);
    writeSync(program, "second");
    closeSync(program);
    await end(keeper, "SIGTERM", 10_000);
    unbind({ process: keeper });

    expect(isRunning(keeper)).to.equal(false);
    expect(readFileSync(large, "utf8")).to.equal("second");
    expect(readFileSync(`${large}.1`, "utf8")).to.match(/^first/);
    expect(statSync(`${large}.1`).mode & 0o077).to.equal(0);
    expect(existsSync(join(logs, "small.log.1"))).to.equal(false);
    // A server's data may have names like that.
    expect(statSync(join(deep, "tc.log")).size).to.equal(5000);
  });
});
