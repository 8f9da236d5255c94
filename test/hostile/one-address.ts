import { once } from "node:events";
import { createServer, request } from "node:http";
import { freePort } from "@confab/testkit";

/** Serves ingest and the api at one address, with the routing of nginx but without its limits. */
export async function startOneAddress(services: { readonly ingest: string; readonly api: string }) {
  const port = await freePort();
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url = "/" } = incoming;
    const [path] = url.split("?", 1);
    const target = path === "/messages" || path === "/messages/batch" ? services.ingest : services.api;
    const { hostname, port } = new URL(target);
    // The path is passed on unchanged, because a normalised path would hide errors in the services.
    const upstream = request({ hostname, port, path: url, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    upstream.on("error", () => {
      // A 502 is a server error and fails the run.
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
