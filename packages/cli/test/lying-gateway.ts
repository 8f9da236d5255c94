import { once } from "node:events";
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { freePort } from "@confab/testkit";

export interface Exchange {
  readonly method: string;
  readonly path: string;
  /** Sends the request to the services. Every call sends it again. */
  readonly ask: () => Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as parsed JSON. */
  readonly body: unknown;
}

/** Returns an answer that replaces the services' own, or undefined to pass the request on. */
export type Lie = (exchange: Exchange) => Promise<Answer | undefined>;

/** Starts a gateway that breaks Confab's promises, which a verification must notice. */
export async function startLyingGateway(target: string) {
  let lie: Lie = () => Promise.resolve(undefined);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const { method = "GET", url: path = "/" } = incoming;
      const sent = await buffer(incoming);
      const passed = ["content-type", "idempotency-key", "authorization"];
      const headers = passed.flatMap((name): [string, string][] => {
        const value = incoming.headers[name];
        return typeof value === "string" ? [[name, value]] : [];
      });
      const ask = async (): Promise<Answer> => {
        const body = sent.length === 0 ? {} : { body: new Uint8Array(sent) };
        const response = await fetch(`${target}${path}`, { method, headers, ...body });
        return { status: response.status, headers: response.headers, body: await response.json() };
      };
      const answer = (await lie({ method, path, ask })) ?? (await ask());
      const link = answer.headers.get("link");
      outgoing.writeHead(answer.status, {
        "content-type": answer.headers.get("content-type") ?? "application/json",
        ...(link === null ? {} : { link }),
      });
      outgoing.end(JSON.stringify(answer.body));
    })().catch(() => outgoing.destroy());
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url,
    lies(next: Lie): void {
      lie = next;
    },
    async stop(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
