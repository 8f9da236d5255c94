import { startService, type ServiceHandle } from "@confab/testkit";
import { environmentOf } from "../designs.ts";
import type { Place } from "../designs.ts";

export const processNames = ["off", "metrics", "traces", "all traces"] as const;
export type ProcessName = (typeof processNames)[number];

interface Mode {
  readonly name: string;
  readonly process: ProcessName;
  /** One message in so many comes with a sampled traceparent; undefined: none does. */
  readonly sampledOneIn?: number;
}

/** "None sampled" and 1 % are turns of one process, which samples what its callers sampled: so what that costs is not hidden by what sets two processes apart. */
export const modes: readonly Mode[] = [
  { name: "off", process: "off" },
  { name: "metrics", process: "metrics" },
  { name: "traces, none sampled", process: "traces" },
  { name: "traces, 1 %", process: "traces", sampledOneIn: 100 },
  { name: "traces, 100 %", process: "all traces", sampledOneIn: 1 },
];

/** Spans wait this long for others at most; the SDK's own figure is five seconds, for which every turn would wait. */
const SPANS_WAIT_MS = 1_000;
/** After the last message of a turn all its spans are out. */
export const SPANS_ARE_OUT_MS = 1.5 * SPANS_WAIT_MS;

/** Ingest as it is, with telemetry as the process' name says. */
export async function startIngest(name: ProcessName, collector: string, place: Place): Promise<ServiceHandle> {
  const service = await startService("ingest", {
    ...environmentOf(place),
    RATE_LIMITS: "off",
    ...variables(name, collector),
  });
  const isMeasured = (await (await fetch(`${service.adminUrl}/metrics`)).text()) !== "";
  if (isMeasured === (name === "off")) throw new Error(`${name}: metrics are ${isMeasured ? "on" : "off"}`);
  return service;
}

function variables(name: ProcessName, collector: string): Record<string, string> {
  switch (name) {
    case "off":
      return { NODE_OPTIONS: `--import ${import.meta.resolve("./without-metrics.ts")}` };
    case "metrics":
      return {};
    case "traces":
    case "all traces":
      return {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
        OTEL_BSP_SCHEDULE_DELAY: `${SPANS_WAIT_MS}`,
        OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
        TRUST_TRACEPARENT: "on",
        OTEL_TRACES_SAMPLER_ARG: "0",
      };
  }
}
