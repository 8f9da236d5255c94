import { setTimeout as sleep } from "node:timers/promises";
import { freePort, startService, type ServiceHandle } from "@confab/testkit";

export type ServiceName = "ingest" | "api" | "worker";

/** A process of a service that can be stopped and restarted with the same name and ports. */
export interface Process {
  readonly name: string;
  readonly service: ServiceName;
  readonly url: string;
  readonly adminUrl: string;
  /** Process id; undefined while the process is not running. */
  readonly pid: number | undefined;
  /** Whether the process reports that it is not ready. A load balancer then sends it no new requests. */
  readonly isDraining: boolean;
  start(extra?: Readonly<Record<string, string>>): Promise<void>;
  /** Sends SIGTERM and resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Kills the process with SIGKILL. */
  kill(): Promise<void>;
  /** Returns the log lines of all starts of the process, as text. */
  logs(): string;
}

/** Creates a process without starting it. */
export async function createProcess(
  service: ServiceName,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<Process> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  let handle: ServiceHandle | undefined;
  let earlier = "";
  let isDraining = false;
  const textOf = (one: ServiceHandle) =>
    one
      .logs()
      .map((line) => `${JSON.stringify(line)}\n`)
      .join("");
  const end = async (how: "stop" | "kill") => {
    const ending = handle;
    handle = undefined;
    if (ending === undefined) return null;
    await ending[how]();
    const code = await ending.exit;
    earlier += textOf(ending);
    return code;
  };
  return {
    name,
    service,
    url: `http://127.0.0.1:${port}`,
    adminUrl,
    get pid() {
      return handle?.pid;
    },
    get isDraining() {
      return isDraining;
    },
    async start(extra = {}) {
      if (handle !== undefined) return;
      const started = await startService(service, {
        ...env,
        PORT: String(port),
        ADMIN_PORT: String(adminPort),
        ...extra,
      });
      handle = started;
      isDraining = false;
      // The process may also exit by itself or because of another signal.
      void started.exit.then(() => {
        if (handle === started) handle = undefined;
      });
    },
    async stop() {
      const stopping = end("stop");
      isDraining = await becomesNotReady(adminUrl);
      return stopping;
    },
    async kill() {
      await end("kill");
    },
    logs: () => earlier + (handle === undefined ? "" : textOf(handle)),
  };
}

/** Polls readiness until the process reports that it is not ready, like Kubernetes. */
async function becomesNotReady(adminUrl: string): Promise<boolean> {
  for (;;) {
    const isReady = await fetch(`${adminUrl}/readyz`).then(
      async (answer) => {
        await answer.arrayBuffer();
        return answer.ok;
      },
      () => false,
    );
    if (!isReady) return true;
    await sleep(50);
  }
}
