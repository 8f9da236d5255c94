/** Metrics that are not Confab's, which dashboards and rules also use, and who exports them. */
export const externalMetrics = {
  up: "Prometheus itself, for each target",
  ALERTS: "Prometheus itself, for each alert that is pending or fires",
  kube_horizontalpodautoscaler_status_desired_replicas: "kube-state-metrics",
  kube_horizontalpodautoscaler_spec_max_replicas: "kube-state-metrics",
  kube_pod_container_resource_limits: "kube-state-metrics",
  kube_job_failed: "kube-state-metrics",
  container_cpu_cfs_throttled_periods_total: "the kubelet (cAdvisor)",
  container_cpu_cfs_periods_total: "the kubelet (cAdvisor)",
  kubelet_volume_stats_available_bytes: "the kubelet",
  kubelet_volume_stats_capacity_bytes: "the kubelet",
} as const;
