import { setTimeout as sleep } from "node:timers/promises";
import { freePort, startService, type ServiceHandle } from "@confab/testkit";

export type ServiceName = "ingest" | "api" | "worker";

/** A service's process that can be ended and started again under the same name and ports. */
export interface Process {
  readonly name: string;
  readonly service: ServiceName;
  readonly url: string;
  readonly adminUrl: string;
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
  /** It has said that it is not ready any more: a load balancer sends it nothing new. */
  readonly isLeaving: boolean;
  start(extra?: Readonly<Record<string, string>>): Promise<void>;
  /** SIGTERM; its exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Log lines of all its lives, as text. */
  logs(): string;
}

/** Not started yet. */
export async function createProcess(
  service: ServiceName,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<Process> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  let handle: ServiceHandle | undefined;
  let earlier = "";
  let isLeaving = false;
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
    get isLeaving() {
      return isLeaving;
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
      isLeaving = false;
      // It may end by itself, or by a signal that nobody here has sent.
      void started.exit.then(() => {
        if (handle === started) handle = undefined;
      });
    },
    async stop() {
      const stopping = end("stop");
      isLeaving = await saysGoodbye(adminUrl);
      return stopping;
    },
    async kill() {
      await end("kill");
    },
    logs: () => earlier + (handle === undefined ? "" : textOf(handle)),
  };
}

/** Asks for readiness until it is refused, as Kubernetes does. */
async function saysGoodbye(adminUrl: string): Promise<boolean> {
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
