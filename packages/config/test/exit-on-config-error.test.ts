import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { exitOnConfigError } from "../src/index.ts";

const fixture = fileURLToPath(new URL("fixtures/misconfigured.ts", import.meta.url));

describe("exitOnConfigError", () => {
  it("writes every problem to standard error and exits with 78", () => {
    const env = { PATH: process.env.PATH, HTTP_PORT: "http", API_KEY: "hunter2" };
    const result = spawnSync(process.execPath, ["--conditions=@confab/source", fixture], { env, encoding: "utf8" });
    expect(result.status).to.equal(78);
    expect(result.stdout).to.equal("");
    expect(result.stderr).to.equal(
      [
        "The configuration is not usable. Correct these variables:",
        '  HTTP_PORT: expected a port number from 0 to 65535, got "http"',
        "  API_KEY: expected text of at least 9 characters",
        "",
      ].join("\n"),
    );
  });

  it("throws other errors", () => {
    const load = (): never => {
      throw new RangeError("not about configuration");
    };
    expect(() => exitOnConfigError(load)).to.throw(RangeError, "not about configuration");
  });
});
