import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";
import type { Health } from "./health.ts";
import type { Lifecycle } from "./lifecycle.ts";

export interface AdminServerOptions {
  readonly port: number;
  readonly host?: string;
  readonly health: Pick<Health, "ready">;
  readonly metrics: { readonly registry: Pick<Registry, "metrics" | "contentType"> };
  readonly lifecycle: Pick<Lifecycle, "draining">;
}

export interface AdminServer {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Probes and metrics on a port of their own, away from clients: /livez says that the process answers, /readyz is 503 while a critical check
 * fails or a shutdown drains, /metrics is for Prometheus.
 */
export async function startAdminServer({
  port,
  host = "0.0.0.0",
  health,
  metrics,
  lifecycle,
}: AdminServerOptions): Promise<AdminServer> {
  const server = createServer((req, res) => {
    if (req.method !== "GET" && req.method !== "HEAD") {
      res.setHeader("Allow", "GET, HEAD");
      send(res, 405, { error: "method not allowed" });
      return;
    }
    switch (pathOf(req)) {
      case "/livez":
        send(res, 200, { ok: true });
        return;
      case "/readyz": {
        const readiness = health.ready();
        const ok = readiness.ok && !lifecycle.draining;
        send(res, ok ? 200 : 503, { ok, draining: lifecycle.draining, checks: readiness.checks });
        return;
      }
      case "/metrics":
        metrics.registry.metrics().then(
          (text) => res.setHeader("Content-Type", metrics.registry.contentType).end(text),
          () => {
            send(res, 500, { error: "metrics cannot be collected" });
          },
        );
        return;
      default:
        send(res, 404, { error: "not found" });
    }
  });
  server.listen(port, host);
  await once(server, "listening");

  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function pathOf(req: IncomingMessage): string {
  return (req.url ?? "").split("?", 1)[0] ?? "";
}

function send(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" });
  res.end(JSON.stringify(body));
}
