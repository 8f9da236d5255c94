{{/* Whether KEDA needs anything secret to read Redis: "true" or empty. */}}
{{- define "confab.kedaNeedsAuthentication" -}}
{{- $external := .Values.externalRedis -}}
{{- $ca := and $external.tls.enabled .Values.certificateAuthority.existingSecret -}}
{{- $username := and $external.existingSecret $external.existingSecretKeys.username -}}
{{- if or (include "confab.redisHasPassword" .) (include "confab.sentinelPasswordKey" .) $ca $username }}true{{ end -}}
{{- end -}}

{{/* One trigger for each partition: the list is the one that BullMQ keeps its waiting jobs in. */}}
{{- define "confab.kedaRedisTriggers" -}}
{{- $root := . -}}
{{- $external := .Values.externalRedis -}}
{{- $cluster := and (not .Values.redis.enabled) $external.cluster -}}
{{- $sentinels := and (not .Values.redis.enabled) $external.sentinels.hosts -}}
{{- range $partition := until (int .Values.config.partitions) }}
- type: {{ if $cluster }}redis-cluster{{ else if $sentinels }}redis-sentinel{{ else }}redis{{ end }}
  name: p{{ $partition }}
  metadata:
    {{ if or $cluster $sentinels }}addresses{{ else }}address{{ end }}: {{ include "confab.redisAddresses" $root | quote }}
    listName: {{ include "confab.waitListKey" (dict "root" $root "partition" $partition) | quote }}
    listLength: {{ int $root.Values.worker.keda.listLength | quote }}
    activationListLength: "0"
    {{- if not $cluster }}
    databaseIndex: "0"
    {{- end }}
    {{- if $sentinels }}
    sentinelMaster: {{ $external.sentinels.masterName | quote }}
    {{- with $external.sentinels.username }}
    sentinelUsername: {{ . | quote }}
    {{- end }}
    {{- end }}
    {{- if and (not $root.Values.redis.enabled) $external.tls.enabled }}
    enableTLS: "true"
    {{- end }}
    {{- if and (not $root.Values.redis.enabled) $external.username (not (and $external.existingSecret $external.existingSecretKeys.username)) }}
    username: {{ $external.username | quote }}
    {{- end }}
  {{- if include "confab.kedaNeedsAuthentication" $root }}
  authenticationRef:
    name: {{ include "confab.fullname" $root }}-worker-redis
  {{- end }}
{{- end }}
{{- end -}}

{{/* max, not sum: every worker exports the same figure. A figure that is missing is an error, so that the fallback applies. */}}
{{- define "confab.kedaPrometheusTriggers" -}}
{{- $prometheus := .Values.worker.keda.prometheus -}}
{{- $labels := $prometheus.labels | default (dict "namespace" .Release.Namespace) -}}
{{- $matchers := list -}}
{{- range $name, $value := $labels }}{{ $matchers = append $matchers (printf "%s=%q" $name $value) }}{{ end -}}
{{- range $metric, $threshold := dict "confab_messages_pending" $prometheus.pendingMessages "confab_pending_oldest_age_seconds" $prometheus.oldestSeconds }}
{{- if gt (int $threshold) 0 }}
- type: prometheus
  name: {{ $metric | replace "_" "-" }}
  metadata:
    serverAddress: {{ $prometheus.serverAddress | quote }}
    query: {{ printf "max(%s{%s})" $metric (join "," $matchers) | quote }}
    threshold: {{ int $threshold | quote }}
    ignoreNullValues: "false"
{{- end }}
{{- end }}
{{- end -}}
