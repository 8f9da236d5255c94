import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Series of kube-state-metrics and the kubelet that rules and dashboards read. On a single machine, neither of the two
 * runs.
 */
export interface Kubernetes {
  /** Number of workers that the HPA wants; its maximum is ten. */
  workersWanted: number;
  migrationFailed: boolean;
  /** Free bytes of a disk of 100 bytes. */
  diskFree: number;
  /** Seconds since the last success of the canary. */
  canaryAge: number;
  /** Seconds since the last success of the backup. */
  backupAge: number;
}

/** Starts a page in Prometheus' text format. Its values can be changed. */
export async function startKubernetesPage() {
  const state: Kubernetes = { workersWanted: 2, migrationFailed: false, diskFree: 60, canaryAge: 60, backupAge: 60 };
  let periods = 0;
  const server = createServer((_req, res) => {
    periods += 10;
    res.setHeader("Content-Type", "text/plain; version=0.0.4").end(pageOf(state, periods));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state,
    async stop(): Promise<void> {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function pageOf(
  { workersWanted, migrationFailed, diskFree, canaryAge, backupAge }: Kubernetes,
  periods: number,
): string {
  const hpa = '{horizontalpodautoscaler="keda-hpa-confab-worker"}';
  const disk = '{persistentvolumeclaim="data-confab-mysql-0"}';
  const containers = ["ingest", "api", "worker"].flatMap((container) => {
    const labels = `container="${container}",pod="confab-${container}-0"`;
    return [
      `kube_pod_container_resource_limits{${labels},resource="memory"} 5e8`,
      `container_cpu_cfs_throttled_periods_total{${labels}} ${Math.floor(periods / 100)}`,
      `container_cpu_cfs_periods_total{${labels}} ${periods}`,
    ];
  });
  return [
    `kube_horizontalpodautoscaler_status_desired_replicas${hpa} ${workersWanted}`,
    `kube_horizontalpodautoscaler_spec_max_replicas${hpa} 10`,
    `kube_job_failed{job_name="confab-migrate-2",condition="true"} ${migrationFailed ? 1 : 0}`,
    `kubelet_volume_stats_available_bytes${disk} ${diskFree}`,
    `kubelet_volume_stats_capacity_bytes${disk} 100`,
    `kube_cronjob_created{cronjob="confab-canary"} 1`,
    `kube_cronjob_spec_suspend{cronjob="confab-canary"} 0`,
    `kube_cronjob_status_last_successful_time{cronjob="confab-canary"} ${Math.round(Date.now() / 1000) - canaryAge}`,
    `kube_cronjob_created{cronjob="confab-backup"} 1`,
    `kube_cronjob_status_last_successful_time{cronjob="confab-backup"} ${Math.round(Date.now() / 1000) - backupAge}`,
    ...containers,
    "",
  ].join("\n");
}
