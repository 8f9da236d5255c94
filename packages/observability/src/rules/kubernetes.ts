import type { Alert } from "./alert.ts";

const workerHpa = 'horizontalpodautoscaler=~"(keda-hpa-)?CONFAB_FULLNAME-worker"';

/**
 * Services of which Prometheus knew a target within the hour and knows none now, while it knows others of the installation: neither a component
 * that is switched off nor an installation that was removed. Workers may be scaled to none.
 */
const vanished = `0 * group by (namespace, service) (max_over_time(up{job="confab",service!="worker"}[1h])) unless on (namespace, service) up{job="confab"} and on (namespace) up{job="confab"}`;

/** Alerts about how Confab runs on Kubernetes; most need kube-state-metrics. */
export const kubernetesAlerts: readonly Alert[] = [
  {
    name: "ConfabTargetDown",
    expr: `up{job="confab"} == 0 or ${vanished}`,
    for: "3m",
    severity: "page",
    summary: "{{ $labels.service }} {{ $labels.instance }} cannot be scraped",
    description:
      "up is {{ $value }}: the process is gone, hangs, or its admin port cannot be reached. Without an instance: no target of the service is left.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabWorkersAtMax",
    expr: `kube_horizontalpodautoscaler_status_desired_replicas{${workerHpa}} >= kube_horizontalpodautoscaler_spec_max_replicas and on (namespace) max by (namespace) (confab_pending_oldest_age_seconds) > 5`,
    for: "15m",
    severity: "ticket",
    summary: "There are as many workers as may be, and messages still wait",
    description: "{{ $value }} workers are wanted, which is the most that may be.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabMigrationFailed",
    expr: 'max by (namespace, job_name) (kube_job_failed{condition="true",job_name=~"CONFAB_FULLNAME-migrate(-[0-9]+)?"}) == 1',
    for: "1m",
    severity: "page",
    summary: "The database could not be brought to this version",
    description: "The Job {{ $labels.job_name }} has given up (value {{ $value }}); new pods wait for the tables.",
    dashboard: "confab-overview",
  },
];
