import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { exitOnConfigError } from "../src/index.ts";

const FIXTURE = fileURLToPath(new URL("fixtures/misconfigured.ts", import.meta.url));

describe("exitOnConfigError", () => {
  it("prints every problem to standard error and exits 78", () => {
    const env = { PATH: process.env.PATH, HTTP_PORT: "http", API_KEY: "hunter2" };
    const result = spawnSync(process.execPath, ["--conditions=@confab/source", FIXTURE], { env, encoding: "utf8" });
    expect(result.status).to.equal(78);
    expect(result.stdout).to.equal("");
    expect(result.stderr).to.equal(
      [
        "Configuration is not usable:",
        '  HTTP_PORT: expected a port number from 0 to 65535, got "http"',
        "  API_KEY: expected a secret of at least 9 characters",
        "",
      ].join("\n"),
    );
  });

  it("lets other errors pass", () => {
    const load = (): never => {
      throw new RangeError("not about configuration");
    };
    expect(() => exitOnConfigError(load)).to.throw(RangeError, "not about configuration");
  });
});
