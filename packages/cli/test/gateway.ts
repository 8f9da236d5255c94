import { once } from "node:events";
import { createServer, request } from "node:http";
import { freePort } from "@confab/testkit";

/** One address for both services, as nginx and the ingress give it. */
export async function startGateway({ ingest, api }: { ingest: string; api: string }) {
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url = "/" } = incoming;
    const target = url.startsWith("/messages") ? ingest : api;
    const upstream = request(new URL(url, target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    upstream.on("error", () => outgoing.writeHead(503, { "Retry-After": "1" }).end());
    incoming.pipe(upstream);
  });
  const port = await freePort();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${port}`,
    async stop(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
