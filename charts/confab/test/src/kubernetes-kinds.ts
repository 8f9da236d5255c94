/** The module with the schemas and types, by API group. */
export const apiModules: Readonly<Record<string, { specifier: string; load: () => Promise<object> }>> = {
  v1: { specifier: "kubernetes-models/v1", load: () => import("kubernetes-models/v1") },
  "apps/v1": { specifier: "kubernetes-models/apps/v1", load: () => import("kubernetes-models/apps/v1") },
  "autoscaling/v2": {
    specifier: "kubernetes-models/autoscaling/v2",
    load: () => import("kubernetes-models/autoscaling/v2"),
  },
  "batch/v1": { specifier: "kubernetes-models/batch/v1", load: () => import("kubernetes-models/batch/v1") },
  "networking.k8s.io/v1": {
    specifier: "kubernetes-models/networking.k8s.io/v1",
    load: () => import("kubernetes-models/networking.k8s.io/v1"),
  },
  "policy/v1": { specifier: "kubernetes-models/policy/v1", load: () => import("kubernetes-models/policy/v1") },
  "keda.sh/v1alpha1": {
    specifier: "@kubernetes-models/keda/keda.sh/v1alpha1",
    load: () => import("@kubernetes-models/keda/keda.sh/v1alpha1"),
  },
  "monitoring.coreos.com/v1": {
    specifier: "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
    load: () => import("@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1"),
  },
  "gateway.networking.k8s.io/v1": {
    specifier: "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1",
    load: () => import("@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1"),
  },
  "external-secrets.io/v1": {
    specifier: "@kubernetes-models/external-secrets/external-secrets.io/v1",
    load: () => import("@kubernetes-models/external-secrets/external-secrets.io/v1"),
  },
  "traefik.io/v1alpha1": {
    specifier: "@kubernetes-models/traefik/traefik.io/v1alpha1",
    load: () => import("@kubernetes-models/traefik/traefik.io/v1alpha1"),
  },
};
