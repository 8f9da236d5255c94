import { Agent, request } from "node:http";

export interface Answer {
  /** The status of the answer; 0 if there was no answer. */
  readonly status: number;
  readonly body: unknown;
  readonly link: string;
  readonly etag: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** The connection's error, or the problem's code. */
  readonly problem: string | undefined;
  /** Detail of the problem; empty if there is none. */
  readonly detail: string;
  readonly t0: number;
  readonly t1: number;
}

type Headers = Readonly<Record<string, string>>;

export interface Http {
  get(url: string): Promise<Answer>;
  post(url: string, body: unknown, headers?: Headers): Promise<Answer>;
  put(url: string, body: unknown): Promise<Answer>;
  patch(url: string, body: unknown, headers?: Headers): Promise<Answer>;
  remove(url: string, headers?: Headers): Promise<Answer>;
  close(): void;
}

/** Timeout in ms, which is longer than any answer may take. A slower answer is recorded as no answer. */
const timeoutMs = 8_000;

/**
 * Sends requests over keep-alive connections and never retries. If there is no answer, returns an answer with status 0.
 */
export function createHttp(now: () => number): Http {
  const agent = new Agent({ keepAlive: true, maxSockets: 256, timeout: 2 * timeoutMs });

  const send = (method: string, url: string, body?: string, headers: Headers = {}) =>
    new Promise<Answer>((resolve) => {
      const t0 = now();
      const end = (answer: Partial<Answer>) => {
        resolve({
          status: 0,
          body: undefined,
          link: "",
          etag: undefined,
          retryAfterMs: undefined,
          problem: undefined,
          detail: "",
          t0,
          t1: now(),
          ...answer,
        });
      };
      const outgoing = request(url, { method, agent, headers, signal: AbortSignal.timeout(timeoutMs) }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", (error: NodeJS.ErrnoException) => {
          end({ problem: error.code ?? error.name });
        });
        incoming.on("end", () => {
          const { link = "", etag, "retry-after": retryAfter } = incoming.headers;
          const parsed = parse(Buffer.concat(chunks).toString("utf8"));
          const { type, detail } = (parsed ?? {}) as { type?: unknown; detail?: unknown };
          end({
            status: incoming.statusCode ?? 0,
            body: parsed,
            link: String(link),
            etag,
            retryAfterMs: retryAfter === undefined ? undefined : Number(retryAfter) * 1000,
            problem: typeof type === "string" ? type.slice(type.lastIndexOf("/") + 1) : undefined,
            detail: typeof detail === "string" ? detail : "",
          });
        });
      });
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        end({ problem: error.code ?? error.name });
      });
      outgoing.end(body);
    });

  const json = { "content-type": "application/json" };
  return {
    get: (url) => send("GET", url),
    post: (url, body, headers) => send("POST", url, JSON.stringify(body), { ...json, ...headers }),
    put: (url, body) => send("PUT", url, JSON.stringify(body), json),
    patch: (url, body, headers) => send("PATCH", url, JSON.stringify(body), { ...json, ...headers }),
    remove: (url, headers) => send("DELETE", url, undefined, headers),
    close() {
      agent.destroy();
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
