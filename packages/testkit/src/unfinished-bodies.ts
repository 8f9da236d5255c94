import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface UnfinishedBody {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Number of bytes that are sent. The request announces one more. */
  readonly bytes: number;
}

export interface UnfinishedBodies {
  /** Sends requests whose bodies never end, each on its own connection. Resolves once all bytes are sent. */
  send(bodies: readonly UnfinishedBody[]): Promise<void>;
  /** Status of each answer so far. */
  readonly statuses: readonly number[];
  /** Total body bytes in the requests that have no answer yet. */
  readonly openBytes: number;
  close(): void;
}

/** Occupies the memory of a server, like clients that send slowly or never finish. */
export function createUnfinishedBodies(url: string): UnfinishedBodies {
  const port = Number(new URL(url).port);
  const sockets = new Map<Socket, number>();
  const statuses: number[] = [];
  const texts = new Map<number, Buffer>();

  /** Returns a body. All bodies of one size share their memory, so that this process needs little. */
  function bodyOf(bytes: number): Buffer {
    const body = texts.get(bytes) ?? Buffer.alloc(bytes, "x").fill('{"z":"', 0, 6);
    texts.set(bytes, body);
    return body;
  }
  async function start({ method, path, headers = {}, bytes }: UnfinishedBody): Promise<void> {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    sockets.set(socket, bytes);
    socket.once("data", (answer: Buffer) => {
      statuses.push(Number(/^HTTP\/1\.1 (\d+)/.exec(answer.toString("latin1"))?.[1]));
      sockets.delete(socket);
      socket.resetAndDestroy();
    });
    await once(socket, "connect");
    const lines = [
      `${method.toUpperCase()} ${path} HTTP/1.1`,
      "Host: localhost",
      "Content-Type: application/json",
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      `Content-Length: ${bytes + 1}`,
    ];
    await new Promise((resolve) => {
      socket.once("close", resolve).cork();
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
      socket.write(bodyOf(bytes), resolve);
      socket.uncork();
    });
  }

  return {
    async send(bodies) {
      await Promise.all(bodies.map(start));
    },
    statuses,
    get openBytes() {
      return [...sockets.values()].reduce((sum, bytes) => sum + bytes, 0);
    },
    close() {
      for (const socket of sockets.keys()) socket.resetAndDestroy();
      sockets.clear();
    },
  };
}
