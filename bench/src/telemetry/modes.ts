import { startService } from "@confab/testkit";
import { environmentOf } from "../designs.ts";
import type { Place, Running } from "../designs.ts";

export const modeNames = ["off", "metrics", "traces 1 %", "traces 100 %"] as const;
export type ModeName = (typeof modeNames)[number];

/** Three to six times as often as a Prometheus asks, as a phase is short. */
const SCRAPE_MS = 5_000;

/** Ingest as it is, with telemetry as the mode says; where there are metrics they are also scraped. */
export async function startIngest(mode: ModeName, collector: string, place: Place): Promise<Running> {
  const service = await startService("ingest", {
    ...environmentOf(place),
    RATE_LIMITS: "off",
    ...variables(mode, collector),
  });
  const isMeasured = (await (await fetch(`${service.adminUrl}/metrics`)).text()) !== "";
  if (isMeasured === (mode === "off")) throw new Error(`${mode}: metrics are ${isMeasured ? "on" : "off"}`);
  if (!isMeasured) return service;
  const scrapes = setInterval(() => {
    void fetch(`${service.adminUrl}/metrics`).then(
      (answer) => answer.arrayBuffer(),
      () => undefined,
    );
  }, SCRAPE_MS);
  return {
    ...service,
    async stop() {
      clearInterval(scrapes);
      await service.stop();
    },
  };
}

function variables(mode: ModeName, collector: string): Record<string, string> {
  const traced = (part: string) => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: part,
  });
  switch (mode) {
    case "off":
      return { NODE_OPTIONS: `--import ${import.meta.resolve("./without-metrics.ts")}` };
    case "metrics":
      return {};
    case "traces 1 %":
      return traced("0.01");
    case "traces 100 %":
      return traced("1");
  }
}
