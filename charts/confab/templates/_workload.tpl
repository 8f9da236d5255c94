{{/* The objects around a pod that differ between components only by name; all of (dict "root" $ "component" name). */}}

{{- define "confab.deployment" -}}
{{- $values := get .root.Values .component -}}
{{- $scaled := or $values.autoscaling.enabled (dig "keda" "enabled" false $values) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
spec:
  {{- if not $scaled }}
  replicas: {{ include "confab.replicas" . }}
  {{- end }}
  revisionHistoryLimit: {{ int $values.revisionHistoryLimit }}
  # A pod that waits for the schema is no failure yet
  progressDeadlineSeconds: {{ add (include "confab.seconds" .root.Values.migrations.schemaWait | int) 300 }}
  strategy:
    {{- toYaml $values.strategy | nindent 4 }}
  selector:
    matchLabels:
      {{- include "confab.selectorLabels" . | nindent 6 }}
  template:
    {{- include "confab.podTemplate" . | nindent 4 }}
{{- end -}}

{{- define "confab.replicas" -}}
{{- $replicas := (get .root.Values .component).replicas -}}
{{- if kindIs "invalid" $replicas }}2{{ else }}{{ int $replicas }}{{ end -}}
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
{{- /* Beyond the cluster the admin port must not be offered, so it has a Service of its own, for Prometheus and port-forward. */}}
apiVersion: v1
kind: Service
metadata:
  {{- include "confab.metadata" (merge (dict "suffix" (printf "%s-admin" .component)) .) | nindent 2 }}
spec:
  type: ClusterIP
  selector:
    {{- include "confab.selectorLabels" . | nindent 4 }}
  ports:
    {{- include "confab.service.admin" . | nindent 4 }}
    {{- end }}
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
  # A pod that is not ready holds up no drain
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

{{/* Rules and dashboards know targets by these labels, whatever the release and its Services are called. */}}
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
