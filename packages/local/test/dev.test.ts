import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { expect } from "chai";
import { freePort } from "../src/index.ts";
import { createCheckout, until, type Checkout } from "./support/checkout.ts";

describe("make dev", function () {
  this.timeout(60_000);
  let checkout: Checkout;
  let dev: ChildProcess;
  let output = "";

  const start = async (...args: string[]) => {
    output = "";
    dev = checkout.spawn("dev", ...args);
    for (const stream of [dev.stdout, dev.stderr]) stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    expect(await until(() => output.includes("Ctrl-C stops everything")), output).to.equal(true);
  };
  const stop = async () => {
    dev.kill("SIGINT");
    await once(dev, "exit");
  };
  const says = (name: string, text: string) => until(async () => (await checkout.ask(name)).text === text);

  before(async () => {
    checkout = await createCheckout();
    await start();
  });
  after(async () => {
    await stop();
    await checkout.remove();
  });

  it("restarts a service after each save that replaces the file, several times in a row", async () => {
    for (const text of ["text 1", "text 2", "text 3", "text 4"]) {
      checkout.save("services/api/src/text.ts", `export const text = ${JSON.stringify(text)};`);
      expect(await says("api", text), text).to.equal(true);
    }
    expect(output).to.include("sources changed: restarting api").and.not.include("restarting ingest");
  });

  it("shows a syntax error, and recovers when it is corrected", async () => {
    checkout.save("services/api/src/text.ts", "export const text = ;");
    expect(await until(() => output.includes("SyntaxError") && output.includes("api ended (exit code 1)"))).to.equal(
      true,
    );
    checkout.save("services/api/src/text.ts", 'export const text = "correct";');
    expect(await says("api", "correct")).to.equal(true);
  });

  it("restarts the services that depend on a package, and no others", async () => {
    output = "";
    checkout.save("packages/shared/src/new-file.ts", "export const added = 1;");
    expect(await until(() => output.includes("restarting ingest, api\n"))).to.equal(true);
    expect(output).to.not.include("worker");
  });

  it("lets a debugger into one service", async () => {
    await stop();
    const port = await freePort();
    await start(`worker:${port}`);
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as { url: string }[];
    expect(targets[0]?.url).to.match(/services\/worker\/src\/main\.ts$/);
  });
});
