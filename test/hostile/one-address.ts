import { once } from "node:events";
import { createServer, request } from "node:http";
import { freePort } from "@confab/testkit";

/** Both services under one address, by the paths that nginx sends to ingest, and without its limits. */
export async function startOneAddress(services: { readonly ingest: string; readonly api: string }) {
  const port = await freePort();
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url = "/" } = incoming;
    const [path] = url.split("?", 1);
    const target = path === "/messages" || path === "/messages/batch" ? services.ingest : services.api;
    const { hostname, port } = new URL(target);
    // The path as it came: what normalises it is not what is tested.
    const upstream = request({ hostname, port, path: url, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    upstream.on("error", () => {
      // Shown as a server error, which fails the run.
      if (!outgoing.headersSent) outgoing.writeHead(502);
      outgoing.end();
    });
    incoming.pipe(upstream);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${port}`,
    stop(): void {
      server.closeAllConnections();
      server.close();
    },
  };
}
