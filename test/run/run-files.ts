import { readFileSync } from "node:fs";
import { exit } from "node:process";
import { inspect } from "node:util";
import Mocha from "mocha";
// This import starts the stores when it is loaded.
import { mochaGlobalTeardown } from "@confab/testkit/root-hook";
import type { Outcome } from "./lane.ts";

const {
  timeout,
  "forbid-only": forbidOnly,
  "forbid-pending": forbidPending,
} = JSON.parse(readFileSync(new URL("../../.mocharc.json", import.meta.url), "utf8")) as {
  timeout: number;
  "forbid-only": boolean;
  "forbid-pending": boolean;
};

/**
 * Runs the test files that the parent process names, one at a time, and stops the stores when the parent disconnects.
 */
const grep = process.argv[2];
process.on("message", (file: string) => {
  void runFile(file).then((outcome) => process.send!(outcome));
});
process.send!("ready");
process.once("disconnect", () => {
  void mochaGlobalTeardown().finally(() => exit());
});

async function runFile(file: string): Promise<Outcome> {
  const mocha = new Mocha({ timeout, forbidOnly, forbidPending, reporter: "spec", color: true });
  if (grep !== undefined) mocha.fgrep(grep);
  mocha.addFile(file);
  const failed: string[] = [];
  let passed = 0;
  try {
    await mocha.loadFilesAsync();
    await new Promise<void>((resolve) => {
      const runner = mocha.run(() => {
        resolve();
      });
      runner.on("pass", () => (passed += 1));
      runner.on("fail", (test, error: unknown) => {
        failed.push(`${test.fullTitle()}\n    ${error instanceof Error ? error.message : inspect(error)}`);
      });
    });
  } catch (error) {
    process.stderr.write(`${inspect(error)}\n`);
    failed.push(`${file} cannot be loaded`);
  }
  mocha.dispose();
  return { passed, failed };
}
