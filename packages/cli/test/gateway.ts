import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { freePort } from "@confab/testkit";

export type BatchFate = "pass on" | "lose the answer";

/** One address for both services, as nginx and the ingress give it. */
export async function startGateway({ ingest, api }: { ingest: string; api: string }) {
  let beforeBatch: () => BatchFate | Promise<BatchFate> = () => "pass on";

  function forward(incoming: IncomingMessage, outgoing: ServerResponse, fate: BatchFate): void {
    const { method, headers, url = "/" } = incoming;
    const target = url.startsWith("/messages") ? ingest : api;
    const upstream = request(new URL(url, target), { method, headers }, (answer) => {
      if (fate === "lose the answer") {
        answer.resume().on("end", () => incoming.socket.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    upstream.on("error", () => outgoing.writeHead(503, { "Retry-After": "1" }).end());
    incoming.on("error", () => upstream.destroy());
    incoming.pipe(upstream);
  }

  const server = createServer((incoming, outgoing) => {
    const fate = incoming.url === "/messages/batch" ? beforeBatch() : "pass on";
    void Promise.resolve(fate).then((known) => {
      forward(incoming, outgoing, known);
    });
  });
  const port = await freePort();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${port}`,
    /** Called, and waited for, before a batch is passed on. */
    beforeBatch(hook: () => BatchFate | Promise<BatchFate>): void {
      beforeBatch = hook;
    },
    async stop(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
