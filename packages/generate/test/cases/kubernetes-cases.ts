import type { AlertCase, Series } from "./alert-case.ts";
import { page, ticket, unreachable } from "./labels.ts";

const worker = 'horizontalpodautoscaler="keda-hpa-confab-worker",namespace="chat"';
const desired = `kube_horizontalpodautoscaler_status_desired_replicas{${worker}}`;
const most = `kube_horizontalpodautoscaler_spec_max_replicas{${worker}}`;
const oldest = 'confab_pending_oldest_age_seconds{namespace="chat"}';
const migration = 'kube_job_failed{condition="true",namespace="chat",job_name="confab-migrate-2"}';
const canary = '{namespace="chat",cronjob="confab-canary"}';
const canarySuccess = `kube_cronjob_status_last_successful_time${canary}`;
const canaryCreated = `kube_cronjob_created${canary}`;
const canarySuspended = `kube_cronjob_spec_suspend${canary}`;
const up = (service: string, instance: string, values: string): Series =>
  `up{job="confab",namespace="chat",service="${service}",instance="${instance}"} ${values}`;

/** Test cases for the alerts about processes and Kubernetes. */
export const kubernetesCases: Readonly<Record<string, AlertCase>> = {
  ConfabServiceDown: {
    fires: [
      {
        series: [up("worker", "a", "1 0x30"), up("worker", "b", "1 0x30")],
        after: 5,
        labels: { ...page, service: "worker" },
      },
      // The targets of one service have vanished from Prometheus, but those of another have not.
      {
        series: [up("ingest", "a", "1x5 _x30"), up("api", "b", "1x40")],
        after: 15,
        labels: { ...page, service: "ingest" },
      },
    ],
    silent: [
      { series: [up("worker", "a", "1 0 0 1x27"), 'up{job="other",namespace="chat",service="worker"} 0x30'] },
      // Only one of two replicas is down.
      { series: [up("worker", "a", "1 0x30"), up("worker", "b", "1x31")] },
      // One pod replaced another.
      { series: [up("ingest", "a", "1x5 _x30"), up("ingest", "b", "_x4 1x30"), up("api", "c", "1x40")] },
      // A service never existed, or a whole installation was removed.
      { series: [up("api", "c", "1x40")] },
      { series: [up("ingest", "a", "1x5 _x30"), up("api", "b", "1x5 _x30")] },
      // The worker is scaled to 0, as KEDA may do. Pending messages have their own alert.
      { series: [up("worker", "a", "1x5 _x30"), up("api", "b", "1x40")] },
      // The exporter of a store is down, which wakes nobody.
      { series: [up("redis", "a", "0x30")] },
    ],
  },
  ConfabTargetDown: {
    fires: [
      {
        series: [up("worker", "a", "1 0x30"), up("worker", "b", "1x31")],
        after: 15,
        labels: { ...ticket, job: "confab", service: "worker", instance: "a" },
      },
      {
        series: [up("redis", "a", "1 0x30")],
        after: 15,
        labels: { ...ticket, job: "confab", service: "redis", instance: "a" },
      },
    ],
    silent: [
      // All replicas are down, which another alert reports.
      { series: [up("worker", "a", "1 0x30")] },
      { series: [up("worker", "a", "1 0x8 1x20"), up("worker", "b", "1x31")] },
    ],
  },
  ConfabAllTargetsGone: {
    fires: [{ series: [up("ingest", "a", "1x5 _x30"), up("api", "b", "1x5 _x30")], after: 20, labels: page }],
    silent: [
      { series: [up("ingest", "a", "1x5 _x30"), up("api", "b", "1x40")] },
      { series: ['up{job="other",namespace="chat"} 1x5 _x30'] },
      // A target that is down still exists.
      { series: [up("api", "b", "0x40")] },
    ],
  },
  ConfabCanaryFailing: {
    fires: [
      // The last success was at 60 s, and the alert is checked in the 18th minute.
      {
        series: [`${canarySuccess} 60x30`, `${canaryCreated} 0x30`],
        after: 18,
        labels: { ...page, cronjob: "confab-canary" },
      },
      // The job never succeeded.
      { series: [`${canaryCreated} 0x30`], after: 18, labels: { ...page, cronjob: "confab-canary" } },
    ],
    silent: [
      { series: [`${canarySuccess} 0+60x30`, `${canaryCreated} 0x30`] },
      { series: [`${canarySuccess} 60x30`, `${canaryCreated} 0x30`, `${canarySuspended} 1x30`] },
      // Redis is unavailable, which its own alert reports.
      { series: [`${canarySuccess} 60x30`, `${canaryCreated} 0x30`, unreachable("redis")] },
      { series: ['kube_cronjob_status_last_successful_time{cronjob="wiki-canary"} 0x30'] },
    ],
  },
  ConfabBackupFailing: backupCase(26 * 60, ticket),
  ConfabBackupMissing: backupCase(72 * 60, page),
  ConfabWorkersAtMax: {
    fires: [
      {
        series: [`${desired} 20x30`, `${most} 20x30`, `${oldest} 6x30`],
        after: 16,
        labels: { ...ticket, horizontalpodautoscaler: "keda-hpa-confab-worker" },
      },
    ],
    silent: [
      { series: [`${desired} 19x30`, `${most} 20x30`, `${oldest} 30x30`] },
      { series: [`${desired} 20x30`, `${most} 20x30`, `${oldest} 5x30`] },
      // Messages wait, but in another installation.
      { series: [`${desired} 20x30`, `${most} 20x30`, 'confab_pending_oldest_age_seconds{namespace="other"} 30x30'] },
    ],
  },
  ConfabMigrationFailed: {
    fires: [{ series: [`${migration} 0 1x30`], after: 3, labels: { ...page, job_name: "confab-migrate-2" } }],
    silent: [
      { series: [`${migration} 0x30`] },
      { series: [`${migration} 0 1 0x28`] },
      { series: ['kube_job_failed{condition="true",namespace="chat",job_name="wiki-migrate-2"} 1x30'] },
      { series: ['kube_job_failed{condition="false",namespace="chat",job_name="confab-migrate-2"} 1x30'] },
    ],
  },
};

/** Returns the cases of an alert about a backup that has not succeeded for this many minutes. */
function backupCase(minutes: number, labels: typeof page | typeof ticket): AlertCase {
  const series = (metric: string): string => `kube_cronjob_${metric}{namespace="chat",cronjob="confab-backup"}`;
  const success = series("status_last_successful_time");
  const created = series("created");
  const long = minutes + 60;
  return {
    fires: [
      {
        series: [`${success} 0x${long}`, `${created} 0x${long}`],
        after: minutes + 10,
        labels: { ...labels, cronjob: "confab-backup" },
      },
      // The job never succeeded.
      { series: [`${created} 0x${long}`], after: minutes + 10, labels: { ...labels, cronjob: "confab-backup" } },
    ],
    silent: [
      { series: [`${success} 0x${long}`, `${created} 0x${long}`], after: minutes - 10 },
      {
        series: [`${success} 0x${minutes - 60} ${(minutes - 60) * 60}x120`, `${created} 0x${long}`],
        after: minutes + 50,
      },
      { series: [`kube_cronjob_created{namespace="chat",cronjob="wiki-backup"} 0x${long}`], after: minutes + 50 },
    ],
  };
}
