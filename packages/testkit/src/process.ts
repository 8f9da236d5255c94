import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { eventually } from "./eventually.ts";
import { inherited } from "./inherited.ts";
import { startProxy } from "./proxy.ts";
import { commandOf, type ServiceHandle, type ServiceName } from "./service.ts";

interface SlowRequest {
  readonly path: string;
  readonly body: () => object;
  /** Fields that the 201 answer must include. */
  readonly answer: object;
}

/** Defines tests that send SIGTERM during a POST. */
export function describeShutdown(
  start: () => Promise<ServiceHandle>,
  { path, body, answer: expected }: SlowRequest,
): void {
  it("finishes a slow request after SIGTERM, accepts no new ones, and exits with 0", async () => {
    const service = await start();
    const { sent, answer } = await beginRequest(service.url + path);
    process.kill(service.pid, "SIGTERM");
    await isStopping(service);
    await eventually(async () => {
      const refused = await fetch(service.url).then(
        () => false,
        () => true,
      );
      expect(refused).to.equal(true);
    });
    sent.end(JSON.stringify(body()));
    const received = await answer;
    expect(received.status).to.equal(201);
    expect(received.headers.connection).to.equal("close");
    expect(received.body).to.include(expected);
    expect(await service.exit).to.equal(0);
    expect(service.logs().at(-1)).to.include({ message: "stopped", exitCode: 0 });
  });

  it("exits at once after a second SIGTERM", async () => {
    const service = await start();
    const { sent, answer } = await beginRequest(service.url + path);
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
}

/**
 * Defines the test that a service survives database sessions that are lost during their setup. `start` receives the URL
 * of a proxy in front of the database.
 */
export function describeLostSessions(
  databaseUrl: () => string,
  start: (databaseUrl: string) => Promise<ServiceHandle>,
): void {
  it("survives database sessions that are lost during their setup", async () => {
    const proxy = await startProxy({ target: databaseUrl() });
    const service = await start(proxy.url);
    proxy.freeze("SET SESSION sql_mode");
    // During the pause, the service's probes of the database open sessions, which the driver gives up after its
    // timeout.
    await pause(5_000);
    proxy.thaw();
    await service.stop();
    expect(await service.exit).to.equal(0);
    await proxy.close();
  });
}

/** Begins a request, and resolves once the service has read its headers and waits for its body. */
async function beginRequest(url: string) {
  const headers = { "content-type": "application/json", expect: "100-continue" };
  const sent = request(url, { method: "POST", headers });
  const answer = once(sent, "response").then(async ([response]) => {
    const { statusCode, headers } = response as IncomingMessage;
    return { status: statusCode, headers, body: JSON.parse(await text(response as IncomingMessage)) as unknown };
  });
  answer.catch(() => undefined);
  sent.flushHeaders();
  await once(sent, "continue");
  return { sent, answer };
}

const isStopping = (service: ServiceHandle) =>
  eventually(() => expect(service.logs().map(({ message }) => message)).to.include("shutting down"));

/**
 * Starts a service with only these variables. The service must exit with 78. Returns its report and the variables that
 * the report names.
 */
export function configurationErrorsOf(name: ServiceName, env: Readonly<Record<string, string>>) {
  const [program, ...args] = commandOf(name);
  const exited = spawnSync(program, args, { env: { ...inherited(), ...env }, encoding: "utf8" });
  expect(exited.status).to.equal(78);
  expect(exited.stdout).to.equal("");
  const named = exited.stderr.split("\n").flatMap((line) => /^ {2}(\w+):/.exec(line)?.[1] ?? []);
  return { named, report: exited.stderr };
}
