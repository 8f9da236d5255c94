import { expect } from "chai";
import { runCommand } from "./stack.ts";

describe("a run of confabctl inside another program", function () {
  this.timeout(30_000);
  const nobody = "00000000-0000-4000-8000-000000000000";
  const processState = () => ({
    exitCode: process.exitCode,
    env: { ...process.env },
    listeners: ["SIGINT", "SIGTERM", "exit", "unhandledRejection"].map((event) => process.listenerCount(event)),
  });

  afterEach(() => {
    delete process.env.CONFAB_TOKEN;
    delete process.env.CONFAB_URL;
  });

  it("reads the environment that it is given, and not that of the process", async () => {
    process.env.CONFAB_TOKEN = "not a token";
    process.env.CONFAB_URL = "not an address";
    const { code, stderr } = await runCommand(["app", "show", nobody], { CONFAB_URL: "http://127.0.0.1:1" });
    expect(code, stderr).to.equal(4);
    expect(stderr).to.include("http://127.0.0.1:1");
    const wrong = await runCommand(["app", "show"], { CONFAB_TOKEN: "x" });
    expect(wrong).to.include({ code: 2, stdout: "" });
    expect(wrong.stderr).to.match(/value 'x' from env 'CONFAB_TOKEN' is invalid\. It must be an application token/);
  });

  it("leaves listeners, variables and the exit code of the process as they were", async () => {
    const before = processState();
    const line = JSON.stringify({ application: "a", chat: "b", messages: ["hello"] });
    for (const args of [["import", "-", "--give-up-after", "0.1"], ["app", "show", nobody], ["bogus"], ["--help"]]) {
      await runCommand(args, { CONFAB_URL: "http://127.0.0.1:1" }, `${line}\n`);
      expect(processState(), args.join(" ")).to.deep.equal(before);
    }
  });
});
