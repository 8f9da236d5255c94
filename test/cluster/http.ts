import { Agent, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface Client {
  /** Sends the body as JSON, and parses a JSON answer. Rejects only if there is no answer. */
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  stop(): void;
}

/** Creates a client with its own keep-alive connections, like the pool of an application. */
export function createClient(baseUrl: string, { connections = 64, timeoutMs = 30_000 } = {}): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    send(method, path, body, headers = {}) {
      const text = body === undefined ? undefined : JSON.stringify(body);
      return new Promise((resolve, reject) => {
        const outgoing = request(new URL(path, baseUrl), {
          method,
          agent,
          timeout: timeoutMs,
          headers: {
            ...(text === undefined
              ? {}
              : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) }),
            ...headers,
          },
        });
        outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
        outgoing.on("error", reject);
        outgoing.on("response", (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
          incoming.on("error", reject);
          incoming.on("end", () => {
            const received = Buffer.concat(chunks).toString();
            const isJson = incoming.headers["content-type"]?.includes("json") ?? false;
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              body: isJson ? (JSON.parse(received) as unknown) : received,
            });
          });
        });
        outgoing.end(text);
      });
    },
    stop() {
      agent.destroy();
    },
  };
}
