import { expect } from "chai";
import { startCommand } from "./stack.ts";

describe("confabctl complete", function () {
  this.timeout(60_000);
  const complete = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await startCommand(["complete", ...args], {}).ended;
    expect(code, stderr).to.equal(0);
    return stdout;
  };
  const suggestions = async (...words: string[]): Promise<string[]> =>
    (await complete("--", ...words)).split("\n").flatMap((line) => /^([^:\t]+)\t/.exec(line)?.[1] ?? []);

  it("prints a script for each shell, which asks confabctl itself", async () => {
    const marks = { bash: "complete -F", zsh: "compdef _confabctl confabctl", fish: "complete -c confabctl" };
    for (const [shell, mark] of Object.entries(marks)) {
      expect(await complete(shell))
        .to.include(mark)
        .and.include("confabctl complete --");
    }
  });

  it("suggests commands, subcommands and options", async () => {
    expect(await suggestions("se")).to.deep.equal(["send", "search"]);
    expect(await suggestions("dead-letters", "")).to.deep.equal(["list", "show", "retry", "drop", "help"]);
    expect(await suggestions("import", "--co")).to.deep.equal(["--concurrency", "--copy"]);
    expect(await suggestions("config", "check", "")).to.deep.equal(["ingest", "api", "worker"]);
  });
});
