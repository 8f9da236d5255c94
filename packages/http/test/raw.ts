import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface RawConnection {
  readonly socket: Socket;
  /** Returns everything that the server has sent so far. */
  readonly received: () => string;
  /** Resolves with everything that was received once the server has closed the connection. */
  readonly closed: Promise<string>;
}

/** Opens a raw TCP connection for requests that no HTTP client would send. */
export async function connectRaw(port: number): Promise<RawConnection> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk) => (text += String(chunk)));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const closed = once(socket, "close").then(() => text);
  return { socket, received: () => text, closed };
}

/** Returns the JSON body of a raw answer. */
export function bodyOf(answer: string): Record<string, unknown> {
  return JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)) as Record<string, unknown>;
}
