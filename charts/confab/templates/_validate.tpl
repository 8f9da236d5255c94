{{/*
Mistakes that a schema cannot find, because they concern several values. They are reported together, one sentence each.
Each part below is a list of sentences, one per line.
*/}}

{{- define "confab.validate" -}}
{{- $parts := list "workloads" "stores" "passwords" "worker" "shared" "edge" "migrations" "jobs" "alerts" "resources" "layout" -}}
{{- $mistakes := list -}}
{{- range $parts -}}
{{- range splitList "\n" (include (printf "confab.validate.%s" .) $) -}}
{{- with trim . }}{{ $mistakes = append $mistakes . }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if $mistakes -}}
{{- fail (printf "\n\nThe values have %d mistake(s):\n  - %s\n" (len $mistakes) (join "\n  - " $mistakes)) -}}
{{- end -}}
{{- end -}}

{{- define "confab.validate.workloads" -}}
{{- if contains "://" .Values.global.imageRegistry }}
global.imageRegistry is a URL, but images have no scheme: set it to {{ .Values.global.imageRegistry | splitList "://" | last }}.
{{- end }}
{{- range $name := list "ingest" "api" "worker" }}
{{- $values := get $.Values $name }}
{{- $rolling := dig "rollingUpdate" dict ($values.strategy | default dict) }}
{{- if and (has (toString $rolling.maxSurge) (list "0" "0%")) (has (toString $rolling.maxUnavailable) (list "0" "0%")) }}
{{ $name }}.strategy.rollingUpdate allows neither a new pod nor one less, so nothing could be updated: set maxSurge to at least 1.
{{- end }}
{{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" }}
{{- with get $values $probe }}
{{- if not (or .httpGet .tcpSocket .exec .grpc) }}
{{ $name }}.{{ $probe }} checks nothing: set its httpGet, tcpSocket, exec or grpc, or set {{ $name }}.{{ $probe }} to null.
{{- end }}
{{- end }}
{{- end }}
{{- if and $values.service (eq (dig "service" "port" 0 $values | toString) (include "confab.adminPort" (dict "root" $ "component" $name))) }}
{{ $name }}.service.port is {{ $values.service.port }}, which is the admin port: set another one.
{{- end }}
{{- $autoscaling := $values.autoscaling }}
{{- $grace := int $values.terminationGracePeriodSeconds }}
{{- $needed := add (int $values.preStopSleepSeconds) (int $values.shutdownTimeoutSeconds) 5 | int }}
{{- if lt $grace $needed }}
{{ $name }}.terminationGracePeriodSeconds is {{ $grace }}, which is too short for the shutdown: set it to at least {{ $needed }} ({{ $name }}.preStopSleepSeconds + {{ $name }}.shutdownTimeoutSeconds + 5), or reduce those.
{{- end }}
{{- if ge (int $values.shutdownDrainDelaySeconds) (int $values.shutdownTimeoutSeconds) }}
{{ $name }}.shutdownDrainDelaySeconds is {{ int $values.shutdownDrainDelaySeconds }}: set it below {{ $name }}.shutdownTimeoutSeconds, which includes it.
{{- end }}
{{- if $autoscaling.enabled }}
{{- if gt (int $autoscaling.minReplicas) (int $autoscaling.maxReplicas) }}
{{ $name }}.autoscaling.minReplicas is greater than maxReplicas: set {{ $name }}.autoscaling.maxReplicas to at least {{ int $autoscaling.minReplicas }}.
{{- end }}
{{- if not (or $autoscaling.targetCPUUtilizationPercentage $autoscaling.targetMemoryUtilizationPercentage) }}
{{ $name }}.autoscaling has no target: set {{ $name }}.autoscaling.targetCPUUtilizationPercentage or targetMemoryUtilizationPercentage.
{{- end }}
{{- end }}
{{- if and $values.pdb.enabled (not (kindIs "invalid" $values.pdb.minAvailable)) }}
{{- $fewest := include "confab.fewestPods" (dict "root" $ "component" $name) | int }}
{{- if and (not (hasSuffix "%" (toString $values.pdb.minAvailable))) (ge (int $values.pdb.minAvailable) $fewest) }}
{{ $name }}.pdb.minAvailable is {{ $values.pdb.minAvailable }}, but there may be only {{ $fewest }} pods, so no pod could be evicted: set it below {{ $fewest }}, or to null.
{{- end }}
{{- end }}
{{- if and $values.pdb.enabled (eq (toString $values.pdb.minAvailable) "100%") }}
{{ $name }}.pdb.minAvailable is 100%, so no pod could be evicted: set a lower value, or null.
{{- end }}
{{- if and $values.pdb.enabled (kindIs "invalid" $values.pdb.minAvailable) (has (toString $values.pdb.maxUnavailable) (list "0" "0%")) }}
{{ $name }}.pdb.maxUnavailable is {{ $values.pdb.maxUnavailable }}, so no pod could be evicted: set it to at least 1.
{{- end }}
{{- if and $values.pdb.enabled (kindIs "invalid" $values.pdb.minAvailable) (kindIs "invalid" $values.pdb.maxUnavailable) }}
{{ $name }}.pdb has no limit: set {{ $name }}.pdb.maxUnavailable or minAvailable, or {{ $name }}.pdb.enabled to false.
{{- end }}
{{- $names := list }}
{{- range $values.extraEnv }}
{{- if has .name $names }}
{{ $name }}.extraEnv contains {{ .name }} twice: remove one of the entries.
{{- end }}
{{- $names = append $names .name }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Minimum number of pods of a component, of (dict "root" $ "component" name). */}}
{{- define "confab.fewestPods" -}}
{{- $values := get .root.Values .component -}}
{{- if dig "keda" "enabled" false $values }}{{ int $values.keda.minReplicas -}}
{{- else if $values.autoscaling.enabled }}{{ int $values.autoscaling.minReplicas -}}
{{- else }}{{ include "confab.replicas" . }}{{ end -}}
{{- end -}}

{{/* Maximum number of pods of a component, of the same dict. */}}
{{- define "confab.mostPods" -}}
{{- $values := get .root.Values .component -}}
{{- if dig "keda" "enabled" false $values }}{{ int $values.keda.maxReplicas -}}
{{- else if $values.autoscaling.enabled }}{{ int $values.autoscaling.maxReplicas -}}
{{- else }}{{ include "confab.replicas" . }}{{ end -}}
{{- end -}}

{{- define "confab.validate.stores" -}}
{{- $mysql := .Values.externalMysql }}
{{- $redis := .Values.externalRedis }}
{{- $elasticsearch := .Values.externalElasticsearch }}
{{- if and .Values.mysql.enabled $mysql.host }}
mysql.enabled and externalMysql.host are both set: set mysql.enabled to false to use {{ $mysql.host }}, or clear externalMysql.host.
{{- end }}
{{- if and .Values.mysql.enabled (eq .Values.mysql.auth.username "root") }}
mysql.auth.username is root, which MySQL creates with a password of its own: choose another name, such as confab.
{{- end }}
{{- if and .Values.mysql.enabled $mysql.password }}
externalMysql.password is set, but the bundled MySQL does not use it: set mysql.auth.password, or mysql.enabled to false.
{{- end }}
{{- if and .Values.redis.enabled $redis.password }}
externalRedis.password is set, but the bundled Redis does not use it: set redis.auth.password, or redis.enabled to false.
{{- end }}
{{- if not (or .Values.mysql.enabled $mysql.host) }}
There is no MySQL: set externalMysql.host, or mysql.enabled to true.
{{- end }}
{{- if and .Values.redis.enabled $redis.hosts }}
redis.enabled and externalRedis.hosts are both set: set redis.enabled to false to use {{ join ", " $redis.hosts }}, or clear externalRedis.hosts.
{{- end }}
{{- if and .Values.redis.enabled $redis.sentinels.hosts }}
redis.enabled and externalRedis.sentinels.hosts are both set: set redis.enabled to false to use the Redis of those Sentinels, or clear externalRedis.sentinels.hosts.
{{- end }}
{{- if not (or .Values.redis.enabled $redis.hosts $redis.sentinels.hosts) }}
There is no Redis: set externalRedis.hosts or externalRedis.sentinels.hosts, or redis.enabled to true.
{{- end }}
{{- if and $redis.hosts $redis.sentinels.hosts }}
externalRedis.hosts and externalRedis.sentinels.hosts are both set: clear externalRedis.hosts, because the Sentinels name the master.
{{- end }}
{{- if and $redis.cluster $redis.sentinels.hosts }}
externalRedis.cluster and externalRedis.sentinels.hosts are both set, but a Redis Cluster has no Sentinels: set only one of them.
{{- end }}
{{- if and $redis.sentinels.password $redis.existingSecret }}
externalRedis.sentinels.password and externalRedis.existingSecret are both set: clear the password, and set externalRedis.existingSecretKeys.sentinelPassword to the entry of the Secret.
{{- end }}
{{- if and .Values.redis.enabled (eq .Values.redis.appendfsync "always") (not .Values.redis.persistence.enabled) }}
redis.persistence.enabled is false, so accepted messages are lost with the pod, although redis.appendfsync is always: set redis.persistence.enabled to true, or, for a trial, redis.appendfsync to "no".
{{- end }}
{{- if and .Values.redis.enabled (gt (int .Values.config.redisMinReplicas) 0) }}
config.redisMinReplicas is {{ int .Values.config.redisMinReplicas }}, but the bundled Redis has no replicas: set config.redisMinReplicas to 0, or redis.enabled to false.
{{- end }}
{{- if and (gt (len $redis.hosts) 1) (not $redis.cluster) }}
externalRedis.hosts has {{ len $redis.hosts }} entries: set externalRedis.cluster to true if they are nodes of a Redis Cluster, otherwise keep one.
{{- end }}
{{- if include "confab.usesElasticsearch" . }}
{{- if and .Values.elasticsearch.enabled $elasticsearch.hosts }}
elasticsearch.enabled and externalElasticsearch.hosts are both set: set elasticsearch.enabled to false to use {{ join ", " $elasticsearch.hosts }}, or clear externalElasticsearch.hosts.
{{- end }}
{{- if not (or .Values.elasticsearch.enabled $elasticsearch.hosts) }}
There is no Elasticsearch: set externalElasticsearch.hosts, or elasticsearch.enabled to true, or search.backend to mysql.
{{- end }}
{{- else if $elasticsearch.hosts }}
externalElasticsearch.hosts is set, but search.backend is mysql: set search.backend to elasticsearch, or clear externalElasticsearch.hosts.
{{- end }}
{{- end -}}

{{- define "confab.validate.passwords" -}}
{{- $admin := .Values.adminApiKey }}
{{- if and .Values.config.requireKeys (not $admin.enabled) }}
config.requireKeys is true, but there is no admin key to create the first key with: set adminApiKey.enabled=true.
{{- end }}
{{- if and $admin.value $admin.existingSecret }}
adminApiKey.value and adminApiKey.existingSecret are both set: clear one of them.
{{- end }}
{{- range $name := list "mysql" "redis" "elasticsearch" }}
{{- $auth := (get $.Values $name).auth }}
{{- range $field := list "password" "rootPassword" }}
{{- if and (get $auth $field) $auth.existingSecret }}
{{ $name }}.auth.{{ $field }} and {{ $name }}.auth.existingSecret are both set: clear one of them.
{{- end }}
{{- end }}
{{- end }}
{{- range $name := list "externalMysql" "externalRedis" "externalElasticsearch" }}
{{- $external := get $.Values $name }}
{{- if and $external.password $external.existingSecret }}
{{ $name }}.password and {{ $name }}.existingSecret are both set: clear one of them.
{{- end }}
{{- end }}
{{- $mysql := .Values.externalMysql }}
{{- if and (not .Values.mysql.enabled) $mysql.host (not (or $mysql.password $mysql.existingSecret)) }}
There is no password for {{ $mysql.host }}: set externalMysql.existingSecret to the Secret that contains it, or set externalMysql.password.
{{- end }}
{{- $elasticsearch := .Values.externalElasticsearch }}
{{- if and $elasticsearch.username (not (or $elasticsearch.password $elasticsearch.existingSecret)) }}
There is no password for externalElasticsearch.username: set externalElasticsearch.existingSecret to the Secret that contains it, or set externalElasticsearch.password.
{{- end }}
{{- if and $elasticsearch.password (not $elasticsearch.username) }}
externalElasticsearch.password is set without a user: set externalElasticsearch.username.
{{- end }}
{{- if and $elasticsearch.existingSecret (not (or $elasticsearch.username $elasticsearch.existingSecretKeys.username $elasticsearch.existingSecretKeys.apiKey)) }}
externalElasticsearch.existingSecret is set without a user or an API key: set externalElasticsearch.username, or existingSecretKeys.apiKey.
{{- end }}
{{- end -}}

{{- define "confab.validate.worker" -}}
{{- $keda := .Values.worker.keda }}
{{- if $keda.enabled }}
{{- if .Values.worker.autoscaling.enabled }}
worker.keda.enabled and worker.autoscaling.enabled are both true, but only one of them can set the number of pods: set one of them to false.
{{- end }}
{{- if not .Values.ingest.enabled }}
worker.keda.enabled is true, but KEDA reads the pending messages from ingest: set ingest.enabled to true, or use worker.autoscaling instead.
{{- end }}
{{- if gt (int $keda.minReplicas) (int $keda.maxReplicas) }}
worker.keda.minReplicas is greater than maxReplicas: set worker.keda.maxReplicas to at least {{ int $keda.minReplicas }}.
{{- end }}
{{- if and $keda.fallback.enabled (gt (int $keda.fallback.replicas) (int $keda.maxReplicas)) }}
worker.keda.fallback.replicas is greater than maxReplicas: set it to at most {{ int $keda.maxReplicas }}.
{{- end }}
{{- end }}
{{- end -}}

{{/* Variables that must have the same value in all services, by the value that sets them. */}}
{{- define "confab.validate.shared" -}}
{{- $fixed := list "PORT" "ADMIN_PORT" }}
{{- range $service := list "ingest" "api" "worker" }}
{{- $valueOf := dict "SHUTDOWN_TIMEOUT" (printf "%s.shutdownTimeoutSeconds" $service) "SHUTDOWN_DRAIN_DELAY" (printf "%s.shutdownDrainDelaySeconds" $service) "DATABASE_POOL_SIZE" "config.databasePoolSize" "REQUIRE_KEYS" "config.requireKeys" }}
{{- range (get $.Values $service).extraEnv }}
{{- if has .name $fixed }}
{{ $service }}.extraEnv sets {{ .name }}, on which the Services, probes and policies of the chart rely: remove it.
{{- end }}
{{- with get $valueOf .name }}
{{ $service }}.extraEnv sets the variable of {{ . }}, which other objects depend on: remove it, and set {{ . }}.
{{- end }}
{{- end }}
{{- end }}
{{- $shared := dict "SEARCH_BACKEND" "search.backend" "SEARCH_INDEX" "search.index" "SEARCH_SHARDS" "search.shards" "REDIS_KEY_PREFIX" "config.redisKeyPrefix" "PARTITIONS" "config.partitions" }}
{{- range $service := list "ingest" "api" "worker" }}
{{- range (get $.Values $service).extraEnv }}
{{- with get $shared .name }}
{{ $service }}.extraEnv sets the variable of {{ . }}, which must be the same in all services: remove it, and set {{ . }}.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "confab.validate.edge" -}}
{{- $ingress := .Values.ingress }}
{{- $limit := $ingress.rateLimit }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
httpRoute.enabled is true, but there is no gateway to attach the route to: set httpRoute.parentRefs.
{{- end }}
{{- if and .Values.httpRoute.enabled (not (and .Values.ingest.enabled .Values.api.enabled)) }}
httpRoute.enabled is true, but one of its two services is not installed: set ingest.enabled and api.enabled to true.
{{- end }}
{{- if and $ingress.enabled (not (and .Values.ingest.enabled .Values.api.enabled)) }}
ingress.enabled is true, but one of its two services is not installed: set ingest.enabled and api.enabled to true.
{{- end }}
{{- if $ingress.enabled }}
{{- if and $ingress.tls.enabled (not $ingress.tls.secretName) }}
ingress.tls.enabled is true, but there is no certificate: set ingress.tls.secretName to the Secret with the certificate, or to the Secret that cert-manager should create.
{{- end }}
{{- if and $ingress.tls.clusterIssuer $ingress.tls.issuer }}
ingress.tls.clusterIssuer and ingress.tls.issuer are both set: clear one of them.
{{- end }}
{{- if and (or $ingress.tls.clusterIssuer $ingress.tls.issuer) (not $ingress.hosts) }}
cert-manager needs a host name for the certificate: set ingress.hosts.
{{- end }}
{{- if and $limit.enabled (eq $ingress.controller "nginx") }}
{{- range $prefix, $own := dict "" $limit "admin." $limit.admin "other." $limit.other }}
{{- if and (gt (int $own.requestsPerSecond) 0) (ne (mod (int $own.burst) (int $own.requestsPerSecond)) 0) }}
ingress.rateLimit.{{ $prefix }}burst is {{ int $own.burst }}: set it to a multiple of ingress.rateLimit.{{ $prefix }}requestsPerSecond ({{ int $own.requestsPerSecond }}), because nginx expects a factor.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "confab.validate.migrations" -}}
{{- if and .Values.migrations.enabled .Values.migrations.useHelmHooks }}
{{- if .Values.mysql.enabled }}
migrations.useHelmHooks is true, but hooks run before the bundled MySQL starts: set migrations.useHelmHooks to false, or use an external MySQL.
{{- else if not .Values.externalMysql.existingSecret }}
migrations.useHelmHooks is true, but hooks run before the chart creates its Secrets: set externalMysql.existingSecret.
{{- end }}
{{- end }}
{{- end -}}

{{- define "confab.validate.jobs" -}}
{{- if and .Values.canary.enabled (not .Values.canary.url) (not (and .Values.ingest.enabled .Values.api.enabled)) }}
canary.enabled is true, but one of the services that it uses is not installed: set canary.url, or set ingest.enabled and api.enabled to true.
{{- end }}
{{- if and .Values.canary.enabled (not .Values.canary.existingSecret) }}
canary.enabled is true, but the canary has no application: create one, put its token into a Secret, and set canary.existingSecret.
{{- end }}
{{- if and .Values.backup.enabled (not .Values.backup.existingClaim) }}
backup.enabled is true, but there is no volume for the dumps: create a PersistentVolumeClaim, and set backup.existingClaim.
{{- end }}
{{- end -}}

{{- define "confab.validate.alerts" -}}
{{- $known := list }}
{{- range $path, $_ := .Files.Glob "rules/*.yaml" }}
{{- range ($.Files.Get $path | fromYaml).groups }}
{{- range .rules }}
{{- with .alert }}{{ $known = append $known . }}{{ end }}
{{- $rule := . }}
{{- range $number, $_ := (get ($.Values.monitoring.prometheusRule.alerts | default dict) (.alert | default "") | default dict).thresholds }}
{{- if not (regexMatch (include "confab.comparedWith" $number) $rule.expr) }}
monitoring.prometheusRule.alerts.{{ $rule.alert }}.thresholds replaces {{ $number }}, but the alert does not compare with that number: look it up in the rules of this version of the chart.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $_ := .Values.monitoring.prometheusRule.alerts }}
{{- if not (has $name $known) }}
monitoring.prometheusRule.alerts has {{ $name }}, but there is no such alert: use one of {{ $known | uniq | sortAlpha | join ", " }}.
{{- end }}
{{- end }}
{{- end -}}

{{- define "confab.validate.resources" -}}
{{- range $path := list "ingest" "api" "worker" "migrations" "mysql" "mysql.metrics" "redis" "redis.metrics" "elasticsearch" "elasticsearch.metrics" "smokeTest" "backup" }}
{{- $values := $.Values }}
{{- range splitList "." $path }}{{ $values = get $values . }}{{ end }}
{{- $resources := $values.resources | default dict }}
{{- $memory := dict }}
{{- $cpu := dict }}
{{- range $kind := list "requests" "limits" }}
{{- with dig $kind "memory" "" $resources | toString }}
{{- $mebibytes := include "confab.mebibytes" . }}
{{- if or (not $mebibytes) (lt (int64 $mebibytes) 16) }}
{{ $path }}.resources.{{ $kind }}.memory is {{ . }}{{ if $mebibytes }}, which is less than 16 MiB{{ end }}: write it as a number with k, M, G, Ki, Mi or Gi, such as 512Mi.
{{- else }}
{{- $_ := set $memory $kind (int64 $mebibytes) }}
{{- end }}
{{- end }}
{{- with dig $kind "cpu" "" $resources | toString }}
{{- $millicores := include "confab.millicores" . | int64 }}
{{- $_ := set $cpu $kind $millicores }}
{{- if ge $millicores 256000 }}
{{ $path }}.resources.{{ $kind }}.cpu is {{ . }}, which is more cores than a node has: write thousandths of a core with m, such as 250m.
{{- end }}
{{- end }}
{{- end }}
{{- range $resource, $own := dict "memory" $memory "cpu" $cpu }}
{{- if and (hasKey $own "limits") (gt ($own.requests | default 0 | int64) (int64 $own.limits)) }}
{{ $path }}.resources.requests.{{ $resource }} is greater than its limit: raise {{ $path }}.resources.limits.{{ $resource }}, or lower the request.
{{- end }}
{{- end }}
{{- end }}
{{- range $name := list "ingest" "api" "worker" }}
{{- $values := get $.Values $name }}
{{- range $resource, $target := dict "cpu" "targetCPUUtilizationPercentage" "memory" "targetMemoryUtilizationPercentage" }}
{{- $given := or (dig "requests" $resource "" $values.resources) (dig "limits" $resource "" $values.resources) }}
{{- if and $values.autoscaling.enabled (get $values.autoscaling $target) (not $given) }}
{{ $name }}.autoscaling.{{ $target }} is a part of the request, but there is none: set {{ $name }}.resources.requests.{{ $resource }}.
{{- end }}
{{- end }}
{{- end }}
{{- $pods := 0 }}
{{- range $name := list "ingest" "api" "worker" }}
{{- if (get $.Values $name).enabled }}{{ $pods = add $pods (include "confab.mostPods" (dict "root" $ "component" $name)) }}{{ end }}
{{- end }}
{{- $needed := add (mul $pods (int .Values.config.databasePoolSize)) 10 }}
{{- if and .Values.mysql.enabled (gt $needed (int64 .Values.mysql.maxConnections)) }}
{{ $pods }} pods with config.databasePoolSize {{ int .Values.config.databasePoolSize }} may open {{ mul $pods (int .Values.config.databasePoolSize) }} connections, and 10 are for Jobs and operators, but mysql.maxConnections is {{ int .Values.mysql.maxConnections }}: set it to at least {{ $needed }}, or lower config.databasePoolSize.
{{- end }}
{{- end -}}

{{/*
Settings that decide in which Redis keys a chat is. The running release shows what they were; with helm template and at the first
install there is none.
*/}}
{{- define "confab.validate.layout" -}}
{{- $root := . }}
{{- $seen := dict }}
{{- range $name := list "ingest" "api" "worker" }}
{{- $running := lookup "apps/v1" "Deployment" $root.Release.Namespace (printf "%s-%s" (include "confab.fullname" $root) $name) | default dict }}
{{- range dig "spec" "template" "spec" "containers" list $running }}
{{- if eq .name $name }}
{{- range .env }}
{{- if and (has .name (list "REDIS_KEY_PREFIX" "PARTITIONS")) (hasKey . "value") }}{{ $_ := set $seen .name .value }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- range $variable, $field := dict "REDIS_KEY_PREFIX" "redisKeyPrefix" "PARTITIONS" "partitions" }}
{{- $wanted := get $root.Values.config $field | toString }}
{{- if eq $field "partitions" }}{{ $wanted = int $root.Values.config.partitions | toString }}{{ end }}
{{- $was := get $seen $variable | toString }}
{{- if and $was (ne $was $wanted) }}
config.{{ $field }} is {{ $wanted }}, but this release runs with {{ $was }}, and Confab would no longer find the data in Redis: set config.{{ $field }} to {{ $was }}. If Redis is empty, uninstall the release and install it again.
{{- end }}
{{- end }}
{{- end -}}
