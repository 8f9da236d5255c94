{{/*
What a schema cannot say: mistakes that lie between values. All are collected, and each sentence says what to set.
Each part below is a list of such sentences, one a line.
*/}}

{{- define "confab.validate" -}}
{{- $parts := list "workloads" "stores" "passwords" "worker" "edge" "migrations" "resources" "layout" -}}
{{- $mistakes := list -}}
{{- range $parts -}}
{{- range splitList "\n" (include (printf "confab.validate.%s" .) $) -}}
{{- with trim . }}{{ $mistakes = append $mistakes . }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if $mistakes -}}
{{- fail (printf "\n\nConfab's values have %d mistake(s):\n  - %s\n" (len $mistakes) (join "\n  - " $mistakes)) -}}
{{- end -}}
{{- end -}}

{{- define "confab.validate.workloads" -}}
{{- range $name := list "ingest" "api" "worker" }}
{{- $values := get $.Values $name }}
{{- $autoscaling := $values.autoscaling }}
{{- $grace := int $values.terminationGracePeriodSeconds }}
{{- $needed := add (int $values.preStopSleepSeconds) (int $values.shutdownTimeoutSeconds) 5 | int }}
{{- $hasReplicas := not (kindIs "invalid" $values.replicas) }}
{{- if lt $grace $needed }}
{{ $name }}.terminationGracePeriodSeconds is {{ $grace }}: set it to at least {{ $needed }}, which is {{ $name }}.preStopSleepSeconds + {{ $name }}.shutdownTimeoutSeconds + 5, or lower those.
{{- end }}
{{- if ge (int $values.shutdownDrainDelaySeconds) (int $values.shutdownTimeoutSeconds) }}
{{ $name }}.shutdownDrainDelaySeconds is {{ int $values.shutdownDrainDelaySeconds }}: set it below {{ $name }}.shutdownTimeoutSeconds, of which it is a part.
{{- end }}
{{- if $autoscaling.enabled }}
{{- if $hasReplicas }}
{{ $name }}.replicas is set, but the HorizontalPodAutoscaler owns the number of pods: set {{ $name }}.replicas to null, or {{ $name }}.autoscaling.enabled to false.
{{- end }}
{{- if gt (int $autoscaling.minReplicas) (int $autoscaling.maxReplicas) }}
{{ $name }}.autoscaling.minReplicas is above maxReplicas: set {{ $name }}.autoscaling.maxReplicas to at least {{ int $autoscaling.minReplicas }}.
{{- end }}
{{- if not (or $autoscaling.targetCPUUtilizationPercentage $autoscaling.targetMemoryUtilizationPercentage) }}
{{ $name }}.autoscaling has nothing to aim at: set {{ $name }}.autoscaling.targetCPUUtilizationPercentage or targetMemoryUtilizationPercentage.
{{- end }}
{{- end }}
{{- if and $values.pdb.enabled (not (kindIs "invalid" $values.pdb.minAvailable)) }}
{{- $fewest := include "confab.fewestPods" (dict "root" $ "component" $name) | int }}
{{- if and (not (hasSuffix "%" (toString $values.pdb.minAvailable))) (ge (int $values.pdb.minAvailable) $fewest) }}
{{ $name }}.pdb.minAvailable is {{ $values.pdb.minAvailable }}, and there may be only {{ $fewest }} pods, so none could ever be evicted: set it below {{ $fewest }}, or to null.
{{- end }}
{{- end }}
{{- if and $values.pdb.enabled (eq (toString $values.pdb.minAvailable) "100%") }}
{{ $name }}.pdb.minAvailable is 100%, so none could ever be evicted: set it lower, or to null.
{{- end }}
{{- if and $values.pdb.enabled (kindIs "invalid" $values.pdb.minAvailable) (has (toString $values.pdb.maxUnavailable) (list "0" "0%")) }}
{{ $name }}.pdb.maxUnavailable is {{ $values.pdb.maxUnavailable }}, so none could ever be evicted: set it to at least 1.
{{- end }}
{{- if and $values.pdb.enabled (kindIs "invalid" $values.pdb.minAvailable) (kindIs "invalid" $values.pdb.maxUnavailable) }}
{{ $name }}.pdb allows nothing and forbids nothing: set {{ $name }}.pdb.maxUnavailable or minAvailable, or {{ $name }}.pdb.enabled to false.
{{- end }}
{{- $names := list }}
{{- range $values.extraEnv }}
{{- if has .name $names }}
{{ $name }}.extraEnv names {{ .name }} twice: remove one of them.
{{- end }}
{{- $names = append $names .name }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The fewest pods that a component has, of (dict "root" $ "component" name). */}}
{{- define "confab.fewestPods" -}}
{{- $values := get .root.Values .component -}}
{{- if dig "keda" "enabled" false $values }}{{ int $values.keda.minReplicas -}}
{{- else if $values.autoscaling.enabled }}{{ int $values.autoscaling.minReplicas -}}
{{- else }}{{ include "confab.replicas" . }}{{ end -}}
{{- end -}}

{{- define "confab.validate.stores" -}}
{{- $mysql := .Values.externalMysql }}
{{- $redis := .Values.externalRedis }}
{{- $elasticsearch := .Values.externalElasticsearch }}
{{- if and .Values.mysql.enabled $mysql.host }}
mysql.enabled and externalMysql.host are both set: set mysql.enabled to false to use {{ $mysql.host }}, or empty externalMysql.host.
{{- end }}
{{- if not (or .Values.mysql.enabled $mysql.host) }}
There is no MySQL: set externalMysql.host, or mysql.enabled to true.
{{- end }}
{{- if and .Values.redis.enabled $redis.hosts }}
redis.enabled and externalRedis.hosts are both set: set redis.enabled to false to use {{ join ", " $redis.hosts }}, or empty externalRedis.hosts.
{{- end }}
{{- if and .Values.redis.enabled $redis.sentinels.hosts }}
redis.enabled and externalRedis.sentinels.hosts are both set: set redis.enabled to false to use what those Sentinels watch, or empty externalRedis.sentinels.hosts.
{{- end }}
{{- if not (or .Values.redis.enabled $redis.hosts $redis.sentinels.hosts) }}
There is no Redis: set externalRedis.hosts or externalRedis.sentinels.hosts, or redis.enabled to true.
{{- end }}
{{- if and $redis.hosts $redis.sentinels.hosts }}
externalRedis.hosts and externalRedis.sentinels.hosts are both set: empty externalRedis.hosts, since the Sentinels know the master.
{{- end }}
{{- if and $redis.cluster $redis.sentinels.hosts }}
externalRedis.cluster and externalRedis.sentinels.hosts are both set: a cluster has no Sentinels, so set the one or the other.
{{- end }}
{{- if and $redis.sentinels.password $redis.existingSecret }}
externalRedis.sentinels.password and externalRedis.existingSecret are both set: name the entry in externalRedis.existingSecretKeys.sentinelPassword instead.
{{- end }}
{{- if and .Values.redis.enabled (gt (int .Values.config.redisMinReplicas) 0) }}
config.redisMinReplicas is {{ int .Values.config.redisMinReplicas }}, but the Redis of the release has no replicas: set config.redisMinReplicas to 0, or redis.enabled to false.
{{- end }}
{{- if and (gt (len $redis.hosts) 1) (not $redis.cluster) }}
externalRedis.hosts names {{ len $redis.hosts }} hosts: set externalRedis.cluster to true if they are nodes of a Redis Cluster, else name one.
{{- end }}
{{- if include "confab.usesElasticsearch" . }}
{{- if and .Values.elasticsearch.enabled $elasticsearch.hosts }}
elasticsearch.enabled and externalElasticsearch.hosts are both set: set elasticsearch.enabled to false to use {{ join ", " $elasticsearch.hosts }}, or empty externalElasticsearch.hosts.
{{- end }}
{{- if not (or .Values.elasticsearch.enabled $elasticsearch.hosts) }}
There is no Elasticsearch: set externalElasticsearch.hosts, or elasticsearch.enabled to true, or search.backend to mysql.
{{- end }}
{{- else if $elasticsearch.hosts }}
externalElasticsearch.hosts is set, but search.backend is mysql: set search.backend to elasticsearch, or empty externalElasticsearch.hosts.
{{- end }}
{{- end -}}

{{- define "confab.validate.passwords" -}}
{{- $admin := .Values.adminApiKey }}
{{- if and $admin.value $admin.existingSecret }}
adminApiKey.value and adminApiKey.existingSecret are both set: empty one of them.
{{- end }}
{{- range $name := list "mysql" "redis" "elasticsearch" }}
{{- $auth := (get $.Values $name).auth }}
{{- range $field := list "password" "rootPassword" }}
{{- if and (get $auth $field) $auth.existingSecret }}
{{ $name }}.auth.{{ $field }} and {{ $name }}.auth.existingSecret are both set: empty one of them.
{{- end }}
{{- end }}
{{- end }}
{{- range $name := list "externalMysql" "externalRedis" "externalElasticsearch" }}
{{- $external := get $.Values $name }}
{{- if and $external.password $external.existingSecret }}
{{ $name }}.password and {{ $name }}.existingSecret are both set: empty one of them.
{{- end }}
{{- end }}
{{- $mysql := .Values.externalMysql }}
{{- if and (not .Values.mysql.enabled) $mysql.host (not (or $mysql.password $mysql.existingSecret)) }}
{{ $mysql.host }} needs a password: set externalMysql.existingSecret to the Secret that holds it, or externalMysql.password.
{{- end }}
{{- $elasticsearch := .Values.externalElasticsearch }}
{{- if and $elasticsearch.username (not (or $elasticsearch.password $elasticsearch.existingSecret)) }}
externalElasticsearch.username has no password: set externalElasticsearch.existingSecret to the Secret that holds it, or externalElasticsearch.password.
{{- end }}
{{- if and $elasticsearch.password (not $elasticsearch.username) }}
externalElasticsearch.password has no user: set externalElasticsearch.username.
{{- end }}
{{- if and $elasticsearch.existingSecret (not (or $elasticsearch.username $elasticsearch.existingSecretKeys.username $elasticsearch.existingSecretKeys.apiKey)) }}
externalElasticsearch.existingSecret is set, but nothing says what is in it: set externalElasticsearch.username, or existingSecretKeys.apiKey.
{{- end }}
{{- end -}}

{{- define "confab.validate.worker" -}}
{{- $keda := .Values.worker.keda }}
{{- if $keda.enabled }}
{{- if .Values.worker.autoscaling.enabled }}
worker.keda.enabled and worker.autoscaling.enabled are both true, and two scalers would fight: set one of them to false.
{{- end }}
{{- if not (kindIs "invalid" .Values.worker.replicas) }}
worker.replicas is set, but KEDA owns the number of pods: set worker.replicas to null, or worker.keda.enabled to false.
{{- end }}
{{- if gt (int $keda.minReplicas) (int $keda.maxReplicas) }}
worker.keda.minReplicas is above maxReplicas: set worker.keda.maxReplicas to at least {{ int $keda.minReplicas }}.
{{- end }}
{{- if and $keda.prometheus.enabled (not $keda.prometheus.serverAddress) }}
worker.keda.prometheus.enabled is true, but there is no Prometheus to ask: set worker.keda.prometheus.serverAddress to its URL.
{{- end }}
{{- end }}
{{- end -}}

{{- define "confab.validate.edge" -}}
{{- $ingress := .Values.ingress }}
{{- $limit := $ingress.rateLimit }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
httpRoute.enabled is true, but it attaches to no gateway: set httpRoute.parentRefs.
{{- end }}
{{- if and .Values.httpRoute.enabled (not (and .Values.ingest.enabled .Values.api.enabled)) }}
httpRoute.enabled is true, but half of what it leads to is not installed: set ingest.enabled and api.enabled to true.
{{- end }}
{{- if $ingress.enabled }}
{{- if and $ingress.tls.enabled (not $ingress.tls.secretName) }}
ingress.tls.enabled is true, but there is no certificate: set ingress.tls.secretName to its Secret, or to the one that cert-manager shall make.
{{- end }}
{{- if and $ingress.tls.clusterIssuer $ingress.tls.issuer }}
ingress.tls.clusterIssuer and ingress.tls.issuer are both set: empty one of them.
{{- end }}
{{- if and (or $ingress.tls.clusterIssuer $ingress.tls.issuer) (not $ingress.hosts) }}
cert-manager has no name to certify: set ingress.hosts.
{{- end }}
{{- if and $limit.enabled (eq $ingress.controller "nginx") }}
{{- range $prefix, $own := dict "" $limit "admin." $limit.admin "other." $limit.other }}
{{- if and (gt (int $own.requestsPerSecond) 0) (ne (mod (int $own.burst) (int $own.requestsPerSecond)) 0) }}
ingress.rateLimit.{{ $prefix }}burst is {{ int $own.burst }}: set it to a multiple of ingress.rateLimit.{{ $prefix }}requestsPerSecond ({{ int $own.requestsPerSecond }}), since nginx takes a factor.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "confab.validate.migrations" -}}
{{- if and .Values.migrations.enabled .Values.migrations.useHelmHooks }}
{{- if .Values.mysql.enabled }}
migrations.useHelmHooks is true, but hooks run before the release's MySQL is there: set migrations.useHelmHooks to false, or use an external MySQL.
{{- else if not .Values.externalMysql.existingSecret }}
migrations.useHelmHooks is true, but hooks run before the chart's Secrets are there: set externalMysql.existingSecret.
{{- end }}
{{- end }}
{{- end -}}

{{- define "confab.validate.resources" -}}
{{- range $name := list "ingest" "api" "worker" "migrations" "mysql" "redis" "elasticsearch" "smokeTest" }}
{{- $limit := dig "limits" "memory" "" ((get $.Values $name).resources | default dict) | toString }}
{{- if and $limit (not (include "confab.mebibytes" $limit)) }}
{{ $name }}.resources.limits.memory is {{ $limit }}: write it as a number with k, M, G, Ki, Mi or Gi, such as 512Mi.
{{- end }}
{{- end }}
{{- end -}}

{{/*
What decides where in Redis a chat lies. The release that runs tells what it was; helm template cannot ask, nor can a first install,
which is for values only.
*/}}
{{- define "confab.validate.layout" -}}
{{- $root := . }}
{{- $seen := dict }}
{{- range $name := list "ingest" "api" "worker" }}
{{- $own := list }}
{{- range (get $root.Values $name).extraEnv }}{{ $own = append $own .name }}{{ end }}
{{- $running := lookup "apps/v1" "Deployment" $root.Release.Namespace (printf "%s-%s" (include "confab.fullname" $root) $name) | default dict }}
{{- range dig "spec" "template" "spec" "containers" list $running }}
{{- if eq .name $name }}
{{- range .env }}
{{- if and (has .name (list "REDIS_KEY_PREFIX" "PARTITIONS")) (not (has .name $own)) (hasKey . "value") }}{{ $_ := set $seen .name .value }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- range $variable, $field := dict "REDIS_KEY_PREFIX" "redisKeyPrefix" "PARTITIONS" "partitions" }}
{{- $wanted := get $root.Values.config $field | toString }}
{{- if eq $field "partitions" }}{{ $wanted = int $root.Values.config.partitions | toString }}{{ end }}
{{- $was := get $seen $variable | toString }}
{{- if and $was (ne $was $wanted) }}
config.{{ $field }} is {{ $wanted }}, but this release runs with {{ $was }}, and what Redis holds would not be found any more: set config.{{ $field }} to {{ $was }}. Where Redis is empty, helm uninstall and install anew.
{{- end }}
{{- end }}
{{- end -}}
