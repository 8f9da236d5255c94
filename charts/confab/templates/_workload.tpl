{{/* Objects of a service that differ only by its name. All take (dict "root" $ "component" name). */}}

{{- define "confab.deployment" -}}
{{- $values := get .root.Values .component -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
spec:
  {{- with include "confab.replicas" . }}
  replicas: {{ . }}
  {{- end }}
  revisionHistoryLimit: {{ int $values.revisionHistoryLimit }}
  # A pod that waits for the schema has not failed
  progressDeadlineSeconds: {{ add (include "confab.seconds" .root.Values.migrations.schemaWait | int) 300 }}
  strategy:
    {{- toYaml $values.strategy | nindent 4 }}
  selector:
    matchLabels:
      {{- include "confab.selectorLabels" . | nindent 6 }}
  template:
    {{- include "confab.podTemplate" . | nindent 4 }}
{{- end -}}

{{/*
Number of pods of a Deployment. With an autoscaler it is the running number if Helm has set it before: where an upgrade removes
its own field, Kubernetes sets 1. If Helm applies on the server and the field is not Helm's, it is empty: a number that the
autoscaler changes before Helm applies it would be a conflict. Without a running Deployment, or a cluster to look into, it is the
given number or empty.
*/}}
{{- define "confab.replicas" -}}
{{- $values := get .root.Values .component -}}
{{- $replicas := $values.replicas -}}
{{- if or $values.autoscaling.enabled (dig "keda" "enabled" false $values) -}}
{{- $name := printf "%s-%s" (include "confab.fullname" .root) .component -}}
{{- $running := lookup "apps/v1" "Deployment" .root.Release.Namespace $name | default dict -}}
{{- $isForeign := false -}}
{{- range dig "metadata" "managedFields" list $running -}}
{{- if and (eq .manager "helm") (eq .operation "Apply") -}}
{{- $isForeign = not (hasKey (dig "fieldsV1" "f:spec" dict .) "f:replicas") -}}
{{- end -}}
{{- end -}}
{{- $replicas = ternary nil (dig "spec" "replicas" $replicas $running) $isForeign -}}
{{- else if kindIs "invalid" $replicas -}}
{{- $replicas = 2 -}}
{{- end -}}
{{- if not (kindIs "invalid" $replicas) }}{{ int $replicas }}{{ end -}}
{{- end -}}

{{- define "confab.service" -}}
{{- $service := (get .root.Values .component).service -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
  {{- with $service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $service.type }}
  selector:
    {{- include "confab.selectorLabels" . | nindent 4 }}
  ports:
    - name: http
      port: {{ int $service.port }}
      targetPort: http
      appProtocol: http
    {{- if eq $service.type "ClusterIP" }}
    {{- include "confab.service.admin" . | nindent 4 }}
    {{- else }}
---
{{- /* The admin port must not be reachable from outside the cluster, so it has its own Service. */}}
apiVersion: v1
kind: Service
metadata:
  {{- include "confab.metadata" (merge (dict "suffix" (include "confab.adminServiceSuffix" .)) .) | nindent 2 }}
spec:
  type: ClusterIP
  selector:
    {{- include "confab.selectorLabels" . | nindent 4 }}
  ports:
    {{- include "confab.service.admin" . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Name, after the release's prefix, of the Service with the admin port. */}}
{{- define "confab.adminServiceSuffix" -}}
{{- .component }}{{ if ne (get .root.Values .component).service.type "ClusterIP" }}-admin{{ end -}}
{{- end -}}

{{- define "confab.service.admin" -}}
- name: admin
  port: {{ include "confab.adminPort" . }}
  targetPort: admin
  appProtocol: http
{{- end -}}

{{- define "confab.serviceAccount" -}}
{{- $account := (get .root.Values .component).serviceAccount -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "confab.serviceAccountName" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "confab.labels" . | nindent 4 }}
  {{- with $account.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: {{ $account.automount }}
{{- end -}}

{{- define "confab.hpa" -}}
{{- $autoscaling := (get .root.Values .component).autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "confab.fullname" .root }}-{{ .component }}
  minReplicas: {{ int $autoscaling.minReplicas }}
  maxReplicas: {{ int $autoscaling.maxReplicas }}
  metrics:
    {{- range $resource, $target := dict "cpu" $autoscaling.targetCPUUtilizationPercentage "memory" $autoscaling.targetMemoryUtilizationPercentage }}
    {{- if $target }}
    - type: Resource
      resource:
        name: {{ $resource }}
        target:
          type: Utilization
          averageUtilization: {{ int $target }}
    {{- end }}
    {{- end }}
  {{- with $autoscaling.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "confab.pdb" -}}
{{- $pdb := (get .root.Values .component).pdb -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
spec:
  {{- if not (kindIs "invalid" $pdb.minAvailable) }}
  minAvailable: {{ $pdb.minAvailable }}
  {{- else }}
  maxUnavailable: {{ $pdb.maxUnavailable }}
  {{- end }}
  # A pod that is not ready does not block a drain
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "confab.selectorLabels" . | nindent 6 }}
{{- end -}}

{{/* A ServiceMonitor, of (dict "root" $ "component" name "port" name). */}}
{{- define "confab.serviceMonitor" -}}
{{- $monitor := (get .root.Values .component).metrics.serviceMonitor -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
    {{- with $monitor.additionalLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "confab.selectorLabels" . | nindent 6 }}
  endpoints:
    - {{ include "confab.scrape" (dict "monitor" $monitor "port" .port "component" .component) | nindent 6 | trim }}
{{- end -}}

{{/* Rules and dashboards select targets by these labels, whatever the names of the release and its Services. */}}
{{- define "confab.scrape" -}}
port: {{ .port }}
path: /metrics
interval: {{ .monitor.interval }}
scrapeTimeout: {{ .monitor.scrapeTimeout }}
honorLabels: true
relabelings:
  - targetLabel: job
    replacement: confab
  - targetLabel: service
    replacement: {{ .component }}
  {{- with .monitor.relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .monitor.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
