{{/*
An entry of a Secret that is generated once: the given value, otherwise the entry in the cluster, otherwise a new one. Of
(dict "root" $ "secret" name "key" entry "value" text "length" number). helm template has no cluster to look into.
*/}}
{{- define "confab.keptSecret" -}}
{{- if .value -}}
{{- .value | b64enc -}}
{{- else -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .secret | default dict -}}
{{- dig "data" .key "" $found | default (randAlphaNum (.length | int) | b64enc) -}}
{{- end -}}
{{- end -}}

{{- define "confab.adminKeySecret" -}}
{{- .Values.adminApiKey.existingSecret | default (printf "%s-admin" (include "confab.fullname" .)) -}}
{{- end -}}

{{- define "confab.mysqlSecret" -}}
{{- $own := printf "%s-mysql" (include "confab.fullname" .) -}}
{{- ternary .Values.mysql.auth.existingSecret .Values.externalMysql.existingSecret .Values.mysql.enabled | default $own -}}
{{- end -}}

{{- define "confab.redisSecret" -}}
{{- $own := printf "%s-redis" (include "confab.fullname" .) -}}
{{- ternary .Values.redis.auth.existingSecret .Values.externalRedis.existingSecret .Values.redis.enabled | default $own -}}
{{- end -}}

{{- define "confab.elasticsearchSecret" -}}
{{- $own := printf "%s-elasticsearch" (include "confab.fullname" .) -}}
{{- ternary .Values.elasticsearch.auth.existingSecret .Values.externalElasticsearch.existingSecret .Values.elasticsearch.enabled | default $own -}}
{{- end -}}

{{/* Whether Redis requires a password: "true" or empty. */}}
{{- define "confab.redisHasPassword" -}}
{{- $external := .Values.externalRedis -}}
{{- if or .Values.redis.enabled $external.password (and $external.existingSecret $external.existingSecretKeys.password) }}true{{ end -}}
{{- end -}}

{{/* Entry of the Secret with the password for the Sentinels; empty: no password. */}}
{{- define "confab.sentinelPasswordKey" -}}
{{- $external := .Values.externalRedis -}}
{{- if and (not .Values.redis.enabled) $external.sentinels.hosts -}}
{{- if $external.existingSecret }}{{ $external.existingSecretKeys.sentinelPassword }}{{ else if $external.sentinels.password }}sentinel-password{{ end -}}
{{- end -}}
{{- end -}}

{{/*
Restarts pods when a password in the values changes. Generated passwords never change and are left out, so that an upgrade
without changes restarts nothing. The chart does not watch existing Secrets.
*/}}
{{- define "confab.secretChecksum" -}}
{{- $values := .Values -}}
{{- list $values.adminApiKey $values.mysql.auth $values.redis.auth $values.elasticsearch.auth
    $values.externalMysql $values.externalRedis $values.externalElasticsearch | toJson | sha256sum -}}
{{- end -}}

{{/* Keeps the password of a store as long as its data, of the values of the store. */}}
{{- define "confab.keepAnnotation" -}}
{{- if and .enabled .persistence.enabled (eq .persistence.whenDeleted "Retain") -}}
annotations:
  helm.sh/resource-policy: keep
{{- end -}}
{{- end -}}
