/** Metrics from other exporters that dashboards and rules use, each with its exporter. */
export const externalMetrics = {
  up: "Prometheus, for each target",
  ALERTS: "Prometheus, for each alert that is pending or firing",
  kube_cronjob_created: "kube-state-metrics",
  kube_cronjob_spec_suspend: "kube-state-metrics",
  kube_cronjob_status_last_successful_time: "kube-state-metrics",
  kube_horizontalpodautoscaler_status_desired_replicas: "kube-state-metrics",
  kube_horizontalpodautoscaler_spec_max_replicas: "kube-state-metrics",
  kube_pod_container_resource_limits: "kube-state-metrics",
  kube_job_failed: "kube-state-metrics",
  container_cpu_cfs_throttled_periods_total: "the kubelet (cAdvisor)",
  container_cpu_cfs_periods_total: "the kubelet (cAdvisor)",
  kubelet_volume_stats_available_bytes: "the kubelet",
  kubelet_volume_stats_capacity_bytes: "the kubelet",
} as const;
