import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { LocalError } from "./local-error.ts";

// These ports are below the range that systems use for outgoing connections. A client that keeps reconnecting to a port
// in that range while the server is down could get this port as its own local port, connect to itself and block the
// port.
const firstPort = 20_000;
const endPort = 32_000;
const handedOut = new Set<number>();

export interface WantedPort {
  readonly port: number;
  /** Name of the process that wants the port. */
  readonly name: string;
  /** The environment variable that sets a different port. */
  readonly variable?: string | undefined;
}

/** Returns a port of 127.0.0.1 on which nothing listens and that was not returned to this process before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(firstPort, endPort);
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if ((await listenError(port)) === undefined) return port;
  }
}

/** Returns the given port, or a free one if it is undefined or 0. */
export async function choosePort(port: number | undefined): Promise<number> {
  return port === undefined || port === 0 ? freePort() : port;
}

/** Returns the ports that cannot be listened on, each with the system's error code. */
export async function takenPorts(wanted: readonly WantedPort[]): Promise<(WantedPort & { readonly code: string })[]> {
  const checked = await Promise.all(wanted.map(async (entry) => ({ ...entry, code: await listenError(entry.port) })));
  return checked.flatMap(({ code, ...entry }) => (code === undefined ? [] : [{ ...entry, code }]));
}

/**
 * Throws a LocalError that names the first port that cannot be listened on, and the variable that sets a different one.
 */
export async function assertPortsFree(wanted: readonly WantedPort[]): Promise<void> {
  const [taken] = await takenPorts(wanted);
  if (taken === undefined) return;
  const { port, name, variable, code } = taken;
  const reason = code === "EADDRINUSE" ? "is taken by another program. Stop it, or" : `cannot be used (${code}):`;
  const choice = variable === undefined ? "choose another port" : `choose another port with ${variable}=…`;
  throw new LocalError(`Port ${port}, wanted for ${name}, ${reason} ${choice}.`);
}

async function listenError(port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  } finally {
    server.close();
  }
}
