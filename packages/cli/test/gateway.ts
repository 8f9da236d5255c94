import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { freePort } from "@confab/testkit";

export type BatchFate = "pass on" | "lose the answer";

/** Serves both services at one address, like nginx and the ingress. */
export async function startGateway({ ingest, api }: { ingest: string; api: string }) {
  let beforeBatch: () => BatchFate | Promise<BatchFate> = () => "pass on";
  let beforeChat: () => void | Promise<void> = () => undefined;

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
    outgoing.on("close", () => upstream.destroy());
    incoming.pipe(upstream);
  }

  const server = createServer((incoming, outgoing) => {
    const { method, url = "" } = incoming;
    void (async () => {
      if (method === "POST" && url.endsWith("/chats")) await beforeChat();
      forward(incoming, outgoing, url === "/messages/batch" ? await beforeBatch() : "pass on");
    })();
  });
  const port = await freePort();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${port}`,
    /** Sets the hook that is awaited before a request to create a chat is passed on. */
    beforeChat(hook: () => void | Promise<void>): void {
      beforeChat = hook;
    },
    /** Sets the hook that is awaited before a batch request is passed on. */
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
