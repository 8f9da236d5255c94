import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { Registry } from "prom-client";
import type { Health } from "./health.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Liveness } from "./liveness.ts";
import { createLogLevel } from "./log-level.ts";
import type { Logger } from "./logger.ts";
import { isAddressOrLocalhost } from "./own-host.ts";

export interface AdminServerOptions {
  readonly port: number;
  readonly host?: string;
  readonly health: Pick<Health, "ready">;
  /** The state for `/livez`. Without it, the process counts as alive whenever it answers. */
  readonly liveness?: Pick<Liveness, "state">;
  readonly metrics: { readonly registry: Pick<Registry, "metrics" | "contentType"> };
  readonly lifecycle: Pick<Lifecycle, "started" | "draining">;
  readonly logger: Pick<Logger, "level" | "warn">;
}

export interface AdminServer {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Serves probes and metrics on a separate port that clients cannot reach. `/livez` fails when a part of the process
 * requires a restart. `/readyz` answers 503 during start-up, during shutdown and while health is not ready. `/metrics`
 * is for Prometheus. `PUT /loglevel` changes the log level until the process ends.
 */
export async function startAdminServer({
  port,
  host = "0.0.0.0",
  health,
  liveness,
  metrics,
  lifecycle,
  logger,
}: AdminServerOptions): Promise<AdminServer> {
  const logLevel = createLogLevel(logger);

  async function changeLogLevel(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (!isMeantForHere(req)) {
      send(res, 403, { error: "ask by address or as localhost, and not from a web page" });
      return;
    }
    const asked = await readWord(req);
    if (asked === undefined) {
      res.setHeader("Connection", "close");
      send(res, 413, { error: `the body has at most ${longestBody} characters` });
      return;
    }
    if (logLevel.set(asked)) send(res, 200, { level: logLevel.current });
    else send(res, 422, { error: "the body is one of trace, debug, info, warn, error, fatal, silent" });
  }

  const server = createServer((req, res) => {
    if (req.method === "PUT" && pathOf(req) === "/loglevel") {
      changeLogLevel(req, res).catch(() => res.destroy());
      return;
    }
    if (req.method !== "GET" && req.method !== "HEAD") {
      res.setHeader("Allow", "GET, HEAD");
      send(res, 405, { error: "method not allowed" });
      return;
    }
    switch (pathOf(req)) {
      case "/livez": {
        const { ok, reasons } = liveness?.state() ?? { ok: true, reasons: [] };
        send(res, ok ? 200 : 503, { ok, ...(reasons.length > 0 && { reasons }) });
        return;
      }
      case "/readyz": {
        const readiness = health.ready();
        const { started, draining } = lifecycle;
        const ok = readiness.ok && started && !draining;
        send(res, ok ? 200 : 503, { ok, started, draining, checks: readiness.checks });
        return;
      }
      case "/loglevel":
        send(res, 200, { level: logLevel.current });
        return;
      case "/metrics":
        metrics.registry.metrics().then(
          (text) => {
            res.setHeader("Content-Type", metrics.registry.contentType).setHeader("Vary", "Accept-Encoding");
            if (acceptsGzip(req)) res.setHeader("Content-Encoding", "gzip").end(gzipSync(text));
            else res.end(text);
          },
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
      logLevel.stop();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Returns false if a request comes from a web page: the page's host name is in the Host header, or the browser has
 * added an Origin header.
 */
function isMeantForHere({ headers }: IncomingMessage): boolean {
  return headers.origin === undefined && isAddressOrLocalhost(headers.host);
}

/** Maximum body length in characters. Longer bodies are not read to their end. */
const longestBody = 1_000;

/**
 * Reads a body that is one word, either bare or as JSON. Returns undefined if the body is too long, and "" if it is
 * anything else.
 */
async function readWord(req: IncomingMessage): Promise<string | undefined> {
  let text = "";
  for await (const chunk of req.setEncoding("utf8") as AsyncIterable<string>) {
    text += chunk;
    if (text.length > longestBody) return undefined;
  }
  return /^\s*(?:\{\s*"level"\s*:\s*)?"?([a-z]+)"?\s*\}?\s*$/.exec(text)?.[1] ?? "";
}

function acceptsGzip({ headers }: IncomingMessage): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(headers["accept-encoding"]?.toString() ?? "");
}

function pathOf(req: IncomingMessage): string {
  return (req.url ?? "").split("?", 1)[0] ?? "";
}

function send(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" });
  res.end(JSON.stringify(body));
}
