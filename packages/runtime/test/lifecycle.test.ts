import { expect } from "chai";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createLifecycle, createLogger } from "../src/index.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly port?: number;
  readonly part?: string;
  readonly err?: { message: string };
}

interface Service {
  readonly child: ChildProcess;
  readonly lines: Line[];
  readonly exited: Promise<number | null>;
  saw(message: string): Promise<Line>;
}

const fixture = fileURLToPath(new URL("fixtures/service.ts", import.meta.url));
const children: ChildProcess[] = [];

function run(scenario: string): Service {
  const child = spawn(process.execPath, ["--conditions=@confab/source", fixture, scenario], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const lines: Line[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(JSON.parse(line) as Line));
  const exited = Promise.all([once(child, "exit"), once(reader, "close")]).then(([[code]]) => code as number | null);
  const saw = async (message: string): Promise<Line> => {
    for (;;) {
      const line = lines.find((candidate) => candidate.message === message);
      if (line !== undefined) return line;
      await Promise.race([
        once(reader, "line"),
        exited.then((code) => Promise.reject(new Error(`exited with ${code}`))),
      ]);
    }
  };
  return { child, lines, exited, saw };
}

function messagesOf(service: Service): string[] {
  return service.lines.map((line) => line.message);
}

describe("a process with a lifecycle", () => {
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  it("finishes the request it is serving on SIGTERM, stops in reverse order and exits 0", async () => {
    const service = run("plain");
    const { port } = await service.saw("ready");
    const answer = fetch(`http://127.0.0.1:${port}/slow`).then((response) => response.text());
    await pause(100);
    service.child.kill("SIGTERM");
    expect(await answer).to.equal("finished");
    expect(await service.exited).to.equal(0);
    expect(messagesOf(service)).to.deep.equal([
      "ready",
      "shutting down",
      "http closing",
      "stopped",
      "store closed",
      "stopped",
      "stopped",
    ]);
  });

  it("continues serving for the drain pause, and says that it drains", async () => {
    const service = run("drain");
    const { port } = await service.saw("ready");
    const draining = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/draining`)).text();
    expect(await draining()).to.equal("false");
    service.child.kill("SIGTERM");
    await service.saw("shutting down");
    expect(await draining()).to.equal("true");
    expect(await service.exited).to.equal(0);
  });

  it("ends at once with exit code 1 on a second signal", async () => {
    const service = run("hang");
    await service.saw("ready");
    service.child.kill("SIGTERM");
    await service.saw("http closing");
    const began = performance.now();
    service.child.kill("SIGINT");
    expect(await service.exited).to.equal(1);
    expect(performance.now() - began).to.be.below(10_000);
  });

  it("exits 1 at the deadline when a part does not stop", async () => {
    const service = run("deadline");
    await service.saw("ready");
    service.child.kill("SIGTERM");
    expect(await service.exited).to.equal(1);
    expect(messagesOf(service)).to.include("shutdown took too long");
  });

  it("logs an uncaught error, stops its parts and exits 1", async () => {
    const service = run("plain");
    const { port } = await service.saw("ready");
    const abandoned = fetch(`http://127.0.0.1:${port}/throw`, { signal: AbortSignal.timeout(500) }).catch(() => "gone");
    expect((await service.saw("uncaught error")).level).to.equal("fatal");
    expect(await abandoned).to.equal("gone");
    expect(await service.exited).to.equal(1);
    expect(messagesOf(service)).to.include("store closed");
  });

  it("treats an unhandled rejection alike", async () => {
    const service = run("plain");
    const { port } = await service.saw("ready");
    const abandoned = fetch(`http://127.0.0.1:${port}/reject`, { signal: AbortSignal.timeout(500) }).catch(
      () => "gone",
    );
    expect((await service.saw("uncaught error")).err?.message).to.equal("nobody awaits this");
    expect(await abandoned).to.equal("gone");
    expect(await service.exited).to.equal(1);
  });

  it("undoes what it started and exits 1 when a later part cannot start", async () => {
    const service = run("start-fails");
    expect(await service.exited).to.equal(1);
    // A fatal line can overtake a line that is still being written.
    expect(messagesOf(service)).to.include.members(["start failed", "store closed", "stopped", "uncaught error"]);
  });
});

describe("createLifecycle", () => {
  const logger = createLogger({ level: "silent", service: "test" });

  it("gives back what a part is and leaves parts without stop() alone", async () => {
    const codes: number[] = [];
    const lifecycle = createLifecycle({ logger, timeoutMs: 1_000, exit: (code) => codes.push(code) });
    expect(await lifecycle.use("answer", () => 42)).to.equal(42);
    expect(lifecycle.draining).to.equal(false);
    await lifecycle.shutdown("test");
    expect(lifecycle.draining).to.equal(true);
    expect(codes).to.deep.equal([0]);
  });

  it("stops the others when one fails to stop, and exits 1", async () => {
    const codes: number[] = [];
    const stopped: string[] = [];
    const lifecycle = createLifecycle({ logger, timeoutMs: 1_000, exit: (code) => codes.push(code) });
    await lifecycle.use("first", () => ({ stop: () => stopped.push("first") }));
    await lifecycle.use("second", () => ({ stop: () => Promise.reject(new Error("stuck")) }));
    await lifecycle.use("third", () => ({ stop: () => stopped.push("third") }));
    await lifecycle.shutdown("test");
    expect(stopped).to.deep.equal(["third", "first"]);
    expect(codes).to.deep.equal([1]);
  });

  it("waits for a part that is starting and stops it, but starts no further one", async () => {
    const stopped: string[] = [];
    const lifecycle = createLifecycle({ logger, timeoutMs: 1_000, exit: () => stopped.push("exit") });
    const slow = lifecycle.use("slow", async () => {
      await pause(30);
      return { stop: () => stopped.push("slow") };
    });
    const shutdown = lifecycle.shutdown("test");
    void lifecycle.use("late", () => stopped.push("late started"));
    await Promise.all([slow, shutdown]);
    expect(stopped).to.deep.equal(["slow", "exit"]);
  });

  it("leaves no listener on the process behind", async () => {
    const count = (): number => process.listenerCount("SIGTERM") + process.listenerCount("uncaughtException");
    const before = count();
    const lifecycle = createLifecycle({ logger, timeoutMs: 1_000, exit: () => undefined });
    lifecycle.onSignal("SIGTERM");
    expect(count()).to.equal(before + 2);
    await lifecycle.shutdown("test");
    expect(count()).to.equal(before);
  });
});
