import type { Alert } from "./alert.ts";

/** Alerts about what Confab stands on. */
export const storeAlerts: readonly Alert[] = [
  {
    name: "ConfabStoreUnreachable",
    expr: "max by (namespace, service, dependency) (confab_dependency_up) == 0",
    for: "2m",
    severity: "page",
    summary: "{{ $labels.dependency }} fails its check at every {{ $labels.service }}",
    description: "confab_dependency_up is {{ $value }} for {{ $labels.dependency }} at every {{ $labels.service }}.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabRedisMemoryHigh",
    expr: "max by (namespace) (confab_redis_used_memory_bytes) / (max by (namespace) (confab_redis_max_memory_bytes) > 0) > 0.5",
    for: "5m",
    severity: "page",
    summary: "Redis is about to be too full to accept messages",
    description: "{{ $value | humanizePercentage }} of Redis' memory is used; from 60 % on messages are refused.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabRedisEvicting",
    expr: "max by (namespace) (confab_redis_evicted_keys) > 0",
    for: "0m",
    severity: "page",
    summary: "Redis throws away what must not be lost",
    description: "Redis has evicted {{ $value }} keys since it started: its maxmemory-policy is not noeviction.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabRedisAofFailing",
    expr: "min by (namespace) (confab_redis_aof_last_write_ok) == 0 or min by (namespace) (confab_redis_aof_enabled) == 0",
    for: "1m",
    severity: "page",
    summary: "Redis does not write its append-only file",
    description: "The append-only file is off or its last write failed (value {{ $value }}): a restart loses messages.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabDiskFillingUp",
    expr: 'kubelet_volume_stats_available_bytes{persistentvolumeclaim=~"data-CONFAB_FULLNAME-(mysql|redis|elasticsearch)-[0-9]+"} / kubelet_volume_stats_capacity_bytes < 0.1 or (predict_linear(kubelet_volume_stats_available_bytes{persistentvolumeclaim=~"data-CONFAB_FULLNAME-(mysql|redis|elasticsearch)-[0-9]+"}[6h], 4 * 86400) < 0 and kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes < 0.4)',
    for: "15m",
    severity: "ticket",
    summary: "The disk {{ $labels.persistentvolumeclaim }} is filling up",
    description:
      "{{ $labels.persistentvolumeclaim }} has less than 10 % left, or will be full within four days (value {{ $value }}).",
    dashboard: "confab-overview",
  },
];
