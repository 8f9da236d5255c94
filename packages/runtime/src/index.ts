export { startAdminServer } from "./admin-server.ts";
export type { AdminServer, AdminServerOptions } from "./admin-server.ts";
export { ConfigError, exitOnConfigError, parseEnv } from "./config.ts";
export type { ConfigProblem, Environment } from "./config.ts";
export { describeConfig } from "./config-rows.ts";
export type { ConfigRow } from "./config-rows.ts";
export { decimal, durationMs, flag, integer, list, port, secret, url } from "./config-leaves.ts";
export { createFairShare, type FairShare } from "./fair-share.ts";
export { chunksOf } from "./chunks.ts";
export { giveWay } from "./event-loop.ts";
export { repeat } from "./repeat.ts";
export type { Schedule } from "./repeat.ts";
export { createLiveness, type Liveness } from "./liveness.ts";
export { createHealth } from "./health.ts";
export type { CheckResult, Health, HealthCheck, HealthOptions, Readiness } from "./health.ts";
export { exportHealthGauges } from "./health-gauges.ts";
export { createLifecycle } from "./lifecycle.ts";
export type { Lifecycle, LifecycleOptions } from "./lifecycle.ts";
export { createLogger, shortToken } from "./logger.ts";
export type { Logger, LogOptions } from "./logger.ts";
export { createMetrics } from "./metrics.ts";
export type { CounterSeries, GaugeSeries, HistogramSeries, Metrics } from "./metrics.ts";
export { environment } from "./environment.ts";
export { disablePretenuring } from "./pretenuring.ts";
export { checkingStores } from "./store-checks.ts";
export {
  databaseEnvironment,
  databaseSettings,
  expectedSettings,
  redisEnvironment,
  redisSettings,
  searchEnvironment,
  searchSettings,
} from "./store-environment.ts";
export { describeSetting, judgeSetting, notShown, SettingsRefused } from "./store-setting.ts";
export type { JudgedSetting, SettingRule, StoreSetting, Verdict } from "./store-setting.ts";
export { createStoreSettings, unlessRefused } from "./store-settings.ts";
export type { StoreSettings } from "./store-settings.ts";
export { startSharedSpan } from "./shared-span.ts";
export { startTelemetry } from "./telemetry.ts";
export { withMethodTimeouts, withTimeout } from "./timeout.ts";
export { traced } from "./traced.ts";
export { traceIdOf } from "./traceparent.ts";
export { inSpan, noTracer } from "./tracer.ts";
export type { Span, Tracer } from "./tracer.ts";
