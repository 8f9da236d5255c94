import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string | number; readonly boolValue?: boolean };
}

interface Exported {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes?: readonly Attribute[];
}

interface ExportRequest {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Exported[] }[];
  }[];
}

export interface ReceivedSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: string | undefined;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly links: readonly string[];
  readonly attributes: Readonly<Record<string, string | undefined>>;
}

/**
 * Starts an OTLP/HTTP endpoint. It keeps the spans that it receives as JSON, and the raw bytes of requests in Protocol
 * Buffers.
 */
export async function startOtlpReceiver() {
  const spans: ReceivedSpan[] = [];
  const messages: Buffer[] = [];
  const server = createServer((req, res) => {
    void buffer(req).then((body) => {
      const type = req.headers["content-type"] ?? "";
      if (req.url === "/v1/traces" && type === "application/x-protobuf") messages.push(body);
      else if (req.url === "/v1/traces") spans.push(...read(JSON.parse(body.toString()) as ExportRequest));
      res.setHeader("Content-Type", type).end(type === "application/json" ? "{}" : "");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    messages,
    async stop(): Promise<void> {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** Names of the span kinds, indexed by OTLP's numbers. */
const kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"];

function read({ resourceSpans = [] }: ExportRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = asRecord(resource.attributes)["service.name"] ?? "";
    return scopeSpans
      .flatMap(({ spans }) => spans)
      .map(({ name, kind, traceId, spanId, parentSpanId, links = [], attributes = [] }) => ({
        service,
        name,
        kind: kinds[kind],
        traceId,
        spanId,
        parentSpanId: parentSpanId === "" ? undefined : parentSpanId,
        links: links.map((link) => `${link.traceId}-${link.spanId}`),
        attributes: asRecord(attributes),
      }));
  });
}

function asRecord(attributes: readonly Attribute[]): Record<string, string | undefined> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]));
}
