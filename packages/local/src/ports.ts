import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { LocalError } from "./local-error.ts";

// Below the range from which systems take the local ports of outgoing connections: a client that keeps reconnecting to
// a port of that range while its server is down can be given that very port, connect to itself, and so keep it taken.
const firstPort = 20_000;
const endPort = 32_000;
const handedOut = new Set<number>();

export interface WantedPort {
  readonly port: number;
  /** The process that wants it. */
  readonly name: string;
  /** The environment variable that chooses another. */
  readonly variable?: string | undefined;
}

/** Returns a port of 127.0.0.1 on which nothing listens now, and that this process has not been given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(firstPort, endPort);
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if ((await listenError(port)) === undefined) return port;
  }
}

/** Returns the port that was asked for, or a free one where none was (undefined or 0). */
export async function choosePort(port: number | undefined): Promise<number> {
  return port === undefined || port === 0 ? freePort() : port;
}

/** Returns those of the ports that cannot be listened on, with the system's error code. */
export async function takenPorts(wanted: readonly WantedPort[]): Promise<(WantedPort & { readonly code: string })[]> {
  const checked = await Promise.all(wanted.map(async (entry) => ({ ...entry, code: await listenError(entry.port) })));
  return checked.flatMap(({ code, ...entry }) => (code === undefined ? [] : [{ ...entry, code }]));
}

/** Throws a LocalError that names the first port that cannot be listened on, and the variable that chooses another. */
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
