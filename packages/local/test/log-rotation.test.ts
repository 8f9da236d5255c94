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
import { expect } from "chai";
import { rotateLogs } from "../src/log-rotation.ts";

describe("the rotation of logs", () => {
  const folder = mkdtempSync(join(tmpdir(), "confab-logs-"));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("empties a log that has grown too large under the program that writes it, and keeps its text once", () => {
    const logs = join(folder, "logs");
    const deep = join(folder, "data/redis/data");
    for (const path of [logs, deep]) mkdirSync(path, { recursive: true });
    const large = join(folder, "data/redis/redis.log");
    writeFileSync(join(logs, "small.log"), "small");
    writeFileSync(join(deep, "tc.log"), "x".repeat(5000));
    const program = openSync(large, "a", 0o600);
    writeSync(program, `first${"x".repeat(5000)}`);

    rotateLogs([logs, join(folder, "data"), join(folder, "missing")], 1000);
    writeSync(program, "second");
    rotateLogs([logs, join(folder, "data")], 1000);
    closeSync(program);

    expect(readFileSync(large, "utf8")).to.equal("second");
    expect(readFileSync(`${large}.1`, "utf8")).to.match(/^first/);
    expect(statSync(`${large}.1`).mode & 0o077).to.equal(0);
    expect(existsSync(join(logs, "small.log.1"))).to.equal(false);
    // A server's data files may have such names, so folders this deep are not rotated.
    expect(statSync(join(deep, "tc.log")).size).to.equal(5000);
  });
});
