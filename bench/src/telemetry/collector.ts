import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface Collector {
  readonly url: string;
  /** Spans received since it was started. */
  spans(): number;
  stop(): Promise<void>;
}

/** An OTLP receiver over http/protobuf that counts spans and keeps none: what a collector costs is not what is measured. */
export async function startCollector(): Promise<Collector> {
  let spans = 0;
  const server = createServer((req, res) => {
    void buffer(req).then((body) => {
      // ExportTraceServiceRequest.resource_spans.scope_spans.spans: fields 1, 2 and 2.
      spans += fieldsAt(body, [1, 2, 2]);
      res.setHeader("Content-Type", "application/x-protobuf").end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => spans,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** How often a message of Protocol Buffers has the length-delimited field at the end of the path. */
function fieldsAt(message: Uint8Array, [wanted, ...rest]: readonly number[]): number {
  let found = 0;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; at < message.length; factor *= 128) {
      const byte = message[at++]!;
      value += (byte & 127) * factor;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < message.length) {
    const key = varint();
    if ((key & 7) !== 2) throw new Error("a field that no ExportTraceServiceRequest has down to its spans");
    const end = varint() + at;
    if (key >> 3 === wanted) found += rest.length === 0 ? 1 : fieldsAt(message.subarray(at, end), rest);
    at = end;
  }
  return found;
}
