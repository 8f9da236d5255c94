import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { eventually, startService, type ServiceHandle } from "@confab/testkit";
import { expect } from "chai";
import { openWorld, type World } from "./world.ts";

describe("the api process", () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());

  const start = (): Promise<ServiceHandle> =>
    startService("api", { DATABASE_URL: world.url, REDIS_KEY_PREFIX: world.prefix });

  /** A request whose head the service has read and whose body it waits for. */
  async function beginRequest(url: string) {
    const sent = request(`${url}/applications`, {
      method: "POST",
      headers: { "content-type": "application/json", expect: "100-continue" },
    });
    const answer = once(sent, "response").then(async ([response]) => {
      const { statusCode, headers } = response as IncomingMessage;
      return { status: statusCode, headers, body: JSON.parse(await text(response as IncomingMessage)) as unknown };
    });
    answer.catch(() => undefined);
    sent.flushHeaders();
    await once(sent, "continue");
    return { sent, answer };
  }
  const isStopping = (service: ServiceHandle): Promise<void> =>
    eventually(() => {
      expect(service.logs().map(({ message }) => message)).to.include("shutting down");
    });

  it("finishes a slow request after SIGTERM, takes no new one, and exits 0", async () => {
    const service = await start();
    const { sent, answer } = await beginRequest(service.url);
    process.kill(service.pid, "SIGTERM");
    await isStopping(service);
    await eventually(async () => {
      const refused = await fetch(service.url).then(
        () => false,
        () => true,
      );
      expect(refused).to.equal(true);
    });
    sent.end(JSON.stringify({ name: "Support" }));
    const { status, headers, body } = await answer;
    expect(status).to.equal(201);
    expect(headers.connection).to.equal("close");
    expect(body).to.include({ name: "Support", chats_count: 0 });
    expect(await service.exit).to.equal(0);
    expect(service.logs().at(-1)).to.include({ message: "stopped", exitCode: 0 });
  });

  it("ends at once on a second SIGTERM", async () => {
    const service = await start();
    const { sent, answer } = await beginRequest(service.url);
    process.kill(service.pid, "SIGTERM");
    await isStopping(service);
    process.kill(service.pid, "SIGTERM");
    expect(await service.exit).to.equal(1);
    await answer.then(
      () => expect.fail("the request was answered"),
      (error: unknown) => expect(error).to.have.property("code", "ECONNRESET"),
    );
    sent.destroy();
  });

  it("lists everything that is wrong with its configuration, without secrets, and exits 78", () => {
    const main = join(import.meta.dirname, "../src/main.ts");
    const { PATH, NODE_V8_COVERAGE } = process.env;
    const env = { PATH, NODE_V8_COVERAGE, PORT: "x", DATABASE_URL: "postgres://secret@db", ADMIN_API_KEY: "hunter2" };
    const ended = spawnSync(process.execPath, ["--conditions=@confab/source", main], { env, encoding: "utf8" });
    expect(ended.status).to.equal(78);
    expect(ended.stdout).to.equal("");
    const named = ended.stderr.split("\n").flatMap((line) => /^ {2}(\w+):/.exec(line)?.[1] ?? []);
    expect(named).to.have.members(["PORT", "DATABASE_URL", "ADMIN_API_KEY", "REDIS_URL", "ELASTICSEARCH_URL"]);
    expect(ended.stderr).to.not.include("secret@db").and.not.include("hunter2");
  });
});
