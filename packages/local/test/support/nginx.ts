import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstBytes } from "../../src/first-bytes.ts";
import { ensureProgram } from "../../src/install.ts";
import { addressLimits, corsOriginsOf, hostsOf, writeNginxConfig, type NginxSettings } from "../../src/nginx.ts";
import { freePort } from "../../src/ports.ts";
import { startServer, type ServerHandle } from "../../src/server.ts";

export const mebibyte = 1024 ** 2;
// Smaller than what is usual, for the sake of time; that of sending is the usual one.
export const limits = addressLimits({
  FLOOD_ADMIN_RATE: "20",
  FLOOD_ADMIN_BURST: "20",
  FLOOD_OTHER_RATE: "200",
  FLOOD_OTHER_BURST: "400",
  FLOOD_OPEN: "1600",
})!;

/** Starts nginx and stand-ins for the services behind it, for the tests of the `describe` that calls it. */
export function useNginx() {
  const folder = mkdtempSync(join(tmpdir(), "confab-nginx-"));
  const accessLog = join(folder, "logs/access.log");
  const running = {} as { nginx: ServerHandle; ingest: Server; api: Server };

  /** Starts another one in front of the same services, in a folder of its own; `edit` changes its configuration. */
  async function start(name: string, more: Partial<NginxSettings>, edit = (config: string) => config) {
    const command = await ensureProgram({ programs: ["nginx"], packages: ["nginx"] }, () => undefined);
    const [port, dir] = [await freePort(), join(folder, name)];
    const args = writeNginxConfig({
      listen: `127.0.0.1:${port}`,
      ingest: `127.0.0.1:${portOf(running.ingest)}`,
      api: `127.0.0.1:${portOf(running.api)}`,
      publicUrl: "https://chat.example.com:8443",
      dir,
      accessLog,
      limits,
      maxStreams: 10_000,
      corsOrigins: corsOriginsOf({ CORS_ORIGINS: "https://app.example.com, https://other.example.com" }),
      hosts: hostsOf({ PUBLIC_URL: "https://chat.example.com:8443/" }),
      ...more,
    });
    const file = join(dir, "nginx.conf");
    writeFileSync(file, edit(readFileSync(file, "utf8")));
    return startServer({
      name: "nginx",
      url: `http://127.0.0.1:${port}`,
      port,
      command,
      args,
      logFile: join(folder, `${name}.log`),
      startTimeoutMs: 10_000,
      isReady: async () => (await firstBytes(port, "GET / HTTP/1.0\r\n\r\n")) !== undefined,
    });
  }

  before(async () => {
    [running.ingest, running.api] = await Promise.all([listenAs("ingest"), listenAs("api")]);
    running.nginx = await start("nginx", {});
  });
  after(async () => {
    await running.nginx.stop();
    running.ingest.close();
    running.api.close();
    rmSync(folder, { recursive: true, force: true });
  });

  return Object.assign(running, {
    folder,
    accessLog,
    start,
    ask: async (path: string, init: RequestInit = {}) => {
      const response = await fetch(`${running.nginx.url}${path}`, init);
      return { response, body: (await response.json()) as Record<string, unknown> };
    },
    /** Returns the answer to a request as it goes over the connection. */
    async askRaw(request: string): Promise<{ head: string; body: string }> {
      const [head = "", body = ""] = String(await firstBytes(running.nginx.port, request)).split("\r\n\r\n");
      return { head, body };
    },
    /** Does the work while no api listens. */
    async withoutApi(work: () => Promise<void>): Promise<void> {
      const port = portOf(running.api);
      running.api.close();
      running.api.closeAllConnections();
      await work();
      running.api.listen(port, "127.0.0.1");
      await once(running.api, "listening");
    },
  });
}

async function listenAs(name: string): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      if (request.url?.endsWith("/large") === true) {
        response.end(Buffer.alloc(32 * mebibyte));
        return;
      }
      if (/\/stream(\?|$)/.test(request.url ?? "")) {
        response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" });
        response.write(`id: ${String(request.headers["last-event-id"])}\ndata: 1\n\n`);
        request.once("close", () => response.end());
        return;
      }
      response.setHeader("content-type", "application/json; charset=utf-8");
      response.setHeader("etag", '"tag"');
      if (request.url?.endsWith("/long") === true) {
        response.end(JSON.stringify({ body: "x".repeat(10_000) }));
        return;
      }
      const { "x-request-id": id, "x-forwarded-for": address } = request.headers;
      const answer = JSON.stringify({ name, id, address, url: request.url });
      setTimeout(() => response.end(answer), request.url?.includes("wait=") === true ? 300 : 0);
    });
  });
  server.listen(await freePort(), "127.0.0.1");
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
