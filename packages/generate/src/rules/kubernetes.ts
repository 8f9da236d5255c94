import { confabJob } from "../objectives.ts";
import { fullnamePlaceholder, unlessFiring, type Alert } from "./alert.ts";

const up = `up{${confabJob}}`;
const upOfServices = `up{${confabJob},service=~"ingest|api|worker"}`;
const workerHpa = `horizontalpodautoscaler=~"(keda-hpa-)?${fullnamePlaceholder}-worker"`;

/**
 * Services that had a target during the last hour and have none now, while other targets of the installation exist.
 * This excludes removed installations and services that were switched off long ago. Workers are left out, because they
 * may be scaled to 0.
 */
const vanished = `0 * group by (namespace, service) (max_over_time(up{${confabJob},service=~"ingest|api"}[1h])) unless on (namespace, service) ${up} and on (namespace) ${up}`;
const serviceDown = `max by (namespace, service) (${upOfServices}) == 0`;

/**
 * Returns PromQL for CronJobs of the chart that have not succeeded for this many seconds. If a CronJob never succeeded,
 * the time counts from its creation.
 */
function withoutSuccess(name: string, seconds: number): string {
  const job = `cronjob="${fullnamePlaceholder}-${name}"`;
  const lastSuccess = `kube_cronjob_status_last_successful_time{${job}}`;
  const sinceSuccess = `time() - max by (namespace, cronjob) (${lastSuccess})`;
  const sinceCreation = `time() - max by (namespace, cronjob) (kube_cronjob_created{${job}} unless ${lastSuccess})`;
  return `(${sinceSuccess} > ${seconds} or ${sinceCreation} > ${seconds})`;
}
const suspended = (name: string): string =>
  `unless on (namespace, cronjob) kube_cronjob_spec_suspend{cronjob="${fullnamePlaceholder}-${name}"} == 1`;
/** Alerts about processes and Kubernetes. Most of them need kube-state-metrics. */
export const kubernetesAlerts: readonly Alert[] = [
  {
    name: "ConfabServiceDown",
    expr: `${serviceDown} or ${vanished}`,
    for: "3m",
    severity: "critical",
    summary: "No replica of {{ $labels.service }} can be scraped",
    description: "up is {{ $value }} for every target of {{ $labels.service }}, or none is left.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabTargetDown",
    expr: `${up} == 0 unless on (namespace, service) ${serviceDown}`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.service }} {{ $labels.pod }} cannot be scraped",
    description:
      "up is {{ $value }} for {{ $labels.instance }}: the process has ended or hangs, or its metrics port cannot be reached.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabAllTargetsGone",
    expr: `group by (namespace) (max_over_time(${up}[6h])) unless on (namespace) ${up}`,
    for: "5m",
    severity: "critical",
    summary: "Prometheus has no target of Confab any more",
    description:
      "Prometheus scraped Confab within the last six hours and has no target of it now (value {{ $value }}).",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabCanaryFailing",
    expr: `${withoutSuccess("canary", 900)} ${suspended("canary")} ${unlessFiring("ConfabStoreUnreachable|ConfabServiceDown", "15m")}`,
    for: "1m",
    severity: "critical",
    summary: "Confab cannot be used from outside",
    description:
      "The last successful run of the canary {{ $labels.cronjob }} was {{ $value | humanizeDuration }} ago. It sends, reads and searches through the reverse proxy.",
    dashboard: "confab-overview",
  },
  // A suspended backup raises this alert, too.
  {
    name: "ConfabBackupFailing",
    // The limit is a day plus two hours, because a backup may take longer than the one before.
    expr: withoutSuccess("backup", 93_600),
    for: "5m",
    severity: "warning",
    summary: "The last backup of the database failed",
    description:
      "{{ $labels.cronjob }} has kept no verified dump for {{ $value | humanizeDuration }}: it fails, takes too long or is suspended.",
    dashboard: "confab-overview",
  },
  {
    name: "ConfabBackupMissing",
    expr: withoutSuccess("backup", 259_200),
    for: "5m",
    severity: "critical",
    summary: "There is no backup of the database of the last three days",
    description: "{{ $labels.cronjob }} has kept no verified dump for {{ $value | humanizeDuration }}.",
    dashboard: "confab-overview",
  },
  {
    name: "ConfabWorkersAtMax",
    expr: `kube_horizontalpodautoscaler_status_desired_replicas{${workerHpa}} >= kube_horizontalpodautoscaler_spec_max_replicas and on (namespace) max by (namespace) (confab_pending_oldest_age_seconds) > 5`,
    for: "15m",
    severity: "warning",
    summary: "The number of workers is at its maximum and messages are still pending",
    description: "{{ $value }} workers are wanted, which is the maximum.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabMigrationFailed",
    expr: `max by (namespace, job_name) (kube_job_failed{condition="true",job_name=~"${fullnamePlaceholder}-migrate(-[0-9]+)?"}) == 1`,
    for: "1m",
    severity: "critical",
    summary: "The database migration failed",
    description: "The Job {{ $labels.job_name }} has failed (value {{ $value }}). New pods wait for its tables.",
    dashboard: "confab-overview",
  },
];
