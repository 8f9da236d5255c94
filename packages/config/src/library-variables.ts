/** Variables that services do not parse, because the OpenTelemetry SDK and Node.js read them by their own rules. */
export const libraryVariables = {
  OTEL_EXPORTER_OTLP_ENDPOINT:
    "OTLP endpoint of your collector. Traces are recorded only if this or the next one is set",
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "The same for traces alone. It overrides OTEL_EXPORTER_OTLP_ENDPOINT",
  OTEL_EXPORTER_OTLP_PROTOCOL: "`grpc`, `http/protobuf` or `http/json`",
  OTEL_EXPORTER_OTLP_HEADERS: "Headers for the collector, for example an API key",
  OTEL_TRACES_EXPORTER: "`none` turns tracing off",
  OTEL_SDK_DISABLED: "`true` turns tracing off",
  OTEL_TRACES_SAMPLER:
    "Sampler. Confab handles `parentbased_traceidratio` itself, at a lower cost; the SDK handles every other one",
  OTEL_TRACES_SAMPLER_ARG: "Argument of the sampler, for example `0.01` to trace 1 % of the requests",
  OTEL_SERVICE_NAME: "Name of the service in traces, instead of `confab-ingest`, `confab-api` or `confab-worker`",
  OTEL_RESOURCE_ATTRIBUTES: "Further attributes of all spans, for example `deployment.environment.name=production`",
  NODE_EXTRA_CA_CERTS: "File with certificates of your own authorities (PEM), trusted for connections to the stores",
  NODE_OPTIONS: "Options of Node.js, for example `--max-old-space-size=384`",
} as const;
