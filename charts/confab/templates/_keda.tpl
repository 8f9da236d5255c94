{{/*
Triggers on the depth of the queue in messages, and on its age. Both are in Redis as numbers that KEDA's Redis scalers cannot
read (they read lengths, and a job stands for up to 32 batches), so KEDA reads them from the metrics of ingest.
*/}}
{{- define "confab.kedaTriggers" -}}
{{- $keda := .Values.worker.keda -}}
{{- $ingest := dict "root" . "component" "ingest" -}}
{{- $host := printf "%s-%s.%s" (include "confab.fullname" .) (include "confab.adminServiceSuffix" $ingest) .Release.Namespace -}}
{{- $targets := dict "confab_messages_pending" $keda.pendingMessages "confab_pending_oldest_age_seconds" $keda.oldestSeconds -}}
{{- range $metric, $target := $targets }}
{{- if gt (int $target) 0 }}
- type: metrics-api
  name: {{ $metric | trimPrefix "confab_" | replace "_" "-" }}
  metadata:
    url: http://{{ $host }}:{{ include "confab.adminPort" $ingest }}/metrics
    format: prometheus
    valueLocation: {{ $metric }}
    targetValue: {{ int $target | quote }}
    activationTargetValue: "0"
{{- end }}
{{- end }}
{{- end -}}
