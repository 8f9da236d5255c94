import { expect } from "chai";
import { template } from "./src/helm.ts";

describe("the alert rules", () => {
  it("name the objects of the release, whatever its fullname is", async () => {
    const { code, stdout, stderr } = await template([
      "--set",
      "fullnameOverride=chat",
      "--set",
      "monitoring.prometheusRule.enabled=true",
    ]);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.not.include("CONFAB_FULLNAME");
    for (const name of [
      "(keda-hpa-)?chat-worker",
      "chat-migrate(-[0-9]+)?",
      "data-chat-(mysql",
      "chat-canary",
      "chat-backup",
    ]) {
      expect(stdout).to.include(name);
    }
  });
});
