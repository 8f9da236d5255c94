import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { LocalError } from "./local-error.ts";

// Below the range from which systems take the local ports of outgoing connections: a client that keeps reconnecting to
// a port of that range while its server is down can be given that very port, connect to itself, and so keep it taken.
const firstPort = 20_000;
const endPort = 32_000;
const handedOut = new Set<number>();

/** A port of 127.0.0.1 on which nothing listens now, and that this process has not been given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(firstPort, endPort);
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if ((await listenError(port)) === undefined) return port;
  }
}

/** The port that was asked for, or a free one where none was (undefined or 0). */
export async function choosePort(port: number | undefined): Promise<number> {
  return port === undefined || port === 0 ? freePort() : port;
}

/** Throws a LocalError that names the port, and the variable that chooses another, when `port` can't be listened on. */
export async function assertPortFree(port: number, name: string, variable?: string): Promise<void> {
  const code = await listenError(port);
  if (code === undefined) return;
  const other = variable === undefined ? "choose another port" : `choose another port with ${variable}=…`;
  const reason = code === "EADDRINUSE" ? "is taken by another program: stop that, or" : `can't be used (${code}):`;
  throw new LocalError(`Port ${port}, wanted for ${name}, ${reason} ${other}.`);
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
