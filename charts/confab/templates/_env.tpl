{{/* Environment variables as YAML lists. A service gets only variables that its own configuration has. */}}

{{- define "confab.env.secret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}

{{- define "confab.env.database" -}}
{{- if .Values.mysql.enabled -}}
{{- $mysql := .Values.mysql -}}
- name: DATABASE_URL
  value: {{ printf "mysql://%s-mysql:%d/%s" (include "confab.fullname" .) (int $mysql.service.port) $mysql.auth.database | quote }}
{{- else -}}
{{- $external := .Values.externalMysql -}}
{{- $parameters := merge (dict) $external.parameters (ternary (dict "ssl" "true") dict $external.tls.enabled) -}}
{{- $query := list -}}
{{- range $name, $value := $parameters }}{{ $query = append $query (printf "%s=%s" $name (toString $value | urlquery)) }}{{ end -}}
- name: DATABASE_URL
  value: {{ printf "mysql://%s:%d/%s%s" $external.host (int $external.port) $external.database (ternary (printf "?%s" (join "&" $query)) "" (gt (len $query) 0)) | quote }}
{{- end }}
{{ include "confab.env.databaseLogin" . }}
{{- end -}}

{{- define "confab.env.databaseLogin" -}}
{{- $secret := include "confab.mysqlSecret" . -}}
{{- $external := .Values.externalMysql -}}
{{- if .Values.mysql.enabled -}}
{{- $auth := .Values.mysql.auth -}}
- name: DATABASE_USERNAME
  value: {{ $auth.username | quote }}
{{ include "confab.env.secret" (dict "name" "DATABASE_PASSWORD" "secret" $secret "key" $auth.existingSecretKeys.password) }}
{{- else -}}
{{- if and $external.existingSecret $external.existingSecretKeys.username -}}
{{ include "confab.env.secret" (dict "name" "DATABASE_USERNAME" "secret" $secret "key" $external.existingSecretKeys.username) }}
{{- else -}}
- name: DATABASE_USERNAME
  value: {{ $external.username | quote }}
{{- end }}
{{ include "confab.env.secret" (dict "name" "DATABASE_PASSWORD" "secret" $secret "key" $external.existingSecretKeys.password) }}
{{- end }}
{{- end -}}

{{/* host:port of each host, separated by commas, of (dict "hosts" list "port" number ["scheme" text]). */}}
{{- define "confab.addresses" -}}
{{- $addresses := list -}}
{{- range .hosts -}}
{{- $address := ternary . (printf "%s:%d" . (int $.port)) (regexMatch ":[0-9]+$" .) -}}
{{- $addresses = append $addresses (printf "%s%s" ($.scheme | default "") $address) -}}
{{- end -}}
{{- join "," $addresses -}}
{{- end -}}

{{- define "confab.env.redis" -}}
{{- $secret := include "confab.redisSecret" . -}}
{{- if .Values.redis.enabled -}}
- name: REDIS_URL
  value: {{ printf "redis://%s-redis:%d" (include "confab.fullname" .) (int .Values.redis.service.port) | quote }}
{{ include "confab.env.secret" (dict "name" "REDIS_PASSWORD" "secret" $secret "key" .Values.redis.auth.existingSecretKeys.password) }}
{{- else -}}
{{- $external := .Values.externalRedis -}}
{{- if $external.sentinels.hosts -}}
{{- $sentinels := $external.sentinels -}}
- name: REDIS_SENTINELS
  value: {{ include "confab.addresses" $sentinels | quote }}
- name: REDIS_MASTER_NAME
  value: {{ $sentinels.masterName | quote }}
{{- if $sentinels.username }}
- name: REDIS_SENTINEL_USERNAME
  value: {{ $sentinels.username | quote }}
{{- end }}
{{- with include "confab.sentinelPasswordKey" . }}
{{ include "confab.env.secret" (dict "name" "REDIS_SENTINEL_PASSWORD" "secret" $secret "key" .) }}
{{- end }}
{{- if $external.tls.enabled }}
- name: REDIS_TLS
  value: "on"
{{- end }}
{{- else -}}
- name: REDIS_URL
  value: {{ include "confab.addresses" (dict "hosts" $external.hosts "port" $external.port "scheme" (ternary "rediss://" "redis://" $external.tls.enabled)) | quote }}
{{- if $external.cluster }}
- name: REDIS_CLUSTER
  value: "on"
{{- end }}
{{- end }}
{{- if and $external.existingSecret $external.existingSecretKeys.username }}
{{ include "confab.env.secret" (dict "name" "REDIS_USERNAME" "secret" $secret "key" $external.existingSecretKeys.username) }}
{{- else if $external.username }}
- name: REDIS_USERNAME
  value: {{ $external.username | quote }}
{{- end }}
{{- if include "confab.redisHasPassword" . }}
{{ include "confab.env.secret" (dict "name" "REDIS_PASSWORD" "secret" $secret "key" $external.existingSecretKeys.password) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "confab.env.search" -}}
- name: SEARCH_BACKEND
  value: {{ .Values.search.backend | quote }}
{{- if include "confab.usesElasticsearch" . }}
- name: SEARCH_INDEX
  value: {{ .Values.search.index | quote }}
- name: SEARCH_SHARDS
  value: {{ int .Values.search.shards | quote }}
{{- $secret := include "confab.elasticsearchSecret" . }}
{{- if .Values.elasticsearch.enabled }}
- name: ELASTICSEARCH_URL
  value: {{ printf "http://%s-elasticsearch:%d" (include "confab.fullname" .) (int .Values.elasticsearch.service.port) | quote }}
- name: ELASTICSEARCH_USERNAME
  value: elastic
{{ include "confab.env.secret" (dict "name" "ELASTICSEARCH_PASSWORD" "secret" $secret "key" .Values.elasticsearch.auth.existingSecretKeys.password) }}
{{- else }}
{{- $external := .Values.externalElasticsearch }}
{{- $keys := $external.existingSecretKeys }}
- name: ELASTICSEARCH_URL
  value: {{ include "confab.addresses" (dict "hosts" $external.hosts "port" $external.port "scheme" (ternary "https://" "http://" $external.tls.enabled)) | quote }}
{{- if and $external.existingSecret $keys.apiKey }}
{{ include "confab.env.secret" (dict "name" "ELASTICSEARCH_API_KEY" "secret" $secret "key" $keys.apiKey) }}
{{- else if or $external.username (and $external.existingSecret $keys.username) }}
{{- if and $external.existingSecret $keys.username }}
{{ include "confab.env.secret" (dict "name" "ELASTICSEARCH_USERNAME" "secret" $secret "key" $keys.username) }}
{{- else }}
- name: ELASTICSEARCH_USERNAME
  value: {{ $external.username | quote }}
{{- end }}
{{ include "confab.env.secret" (dict "name" "ELASTICSEARCH_PASSWORD" "secret" $secret "key" $keys.password) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "confab.env.adminKey" -}}
{{- if .Values.adminApiKey.enabled -}}
{{ include "confab.env.secret" (dict "name" "ADMIN_API_KEY" "secret" (include "confab.adminKeySecret" .) "key" .Values.adminApiKey.existingSecretKey) }}
{{- end -}}
{{- end -}}

{{/* Variables of every service, of (dict "root" $ "component" name). */}}
{{- define "confab.env.service" -}}
{{- $values := get .root.Values .component -}}
{{- $config := .root.Values.config -}}
- name: LOG_LEVEL
  value: {{ $config.logLevel | quote }}
- name: SHUTDOWN_TIMEOUT
  value: {{ printf "%ds" (int $values.shutdownTimeoutSeconds) | quote }}
- name: SHUTDOWN_DRAIN_DELAY
  value: {{ printf "%ds" (int $values.shutdownDrainDelaySeconds) | quote }}
- name: REDIS_KEY_PREFIX
  value: {{ $config.redisKeyPrefix | quote }}
- name: PARTITIONS
  value: {{ int $config.partitions | quote }}
- name: DATABASE_POOL_SIZE
  value: {{ int $config.databasePoolSize | quote }}
- name: DATABASE_SINGLE_WRITER
  value: {{ ternary "on" "off" $config.databaseSingleWriter | quote }}
- name: REDIS_DURABILITY
  value: {{ $config.redisDurability | default (ternary .root.Values.redis.appendfsync "always" .root.Values.redis.enabled) | quote }}
- name: REDIS_MIN_REPLICAS
  value: {{ int $config.redisMinReplicas | quote }}
{{ include "confab.env.database" .root }}
{{ include "confab.env.redis" .root }}
{{ include "confab.env.telemetry" . }}
{{- end -}}

{{- define "confab.env.http" -}}
- name: PUBLIC_URL
  value: {{ include "confab.publicUrl" . | quote }}
- name: ACCESS_LOG_RATE
  value: {{ int .Values.config.accessLogRate | quote }}
- name: TRUST_TRACEPARENT
  value: {{ ternary "on" "off" .Values.telemetry.trustTraceparent | quote }}
- name: RATE_LIMITS
  value: {{ ternary "on" "off" .Values.config.rateLimits | quote }}
- name: TRUSTED_PROXIES
  value: {{ int .Values.config.trustedProxies | quote }}
- name: USER_SHARE
  value: {{ .Values.config.userShare | quote }}
{{- with .Values.config.corsOrigins }}
- name: CORS_ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
- name: REQUIRE_KEYS
  value: {{ ternary "on" "off" .Values.config.requireKeys | quote }}
{{ include "confab.env.adminKey" . }}
{{- end -}}

{{- define "confab.env.ingest" -}}
{{- $limits := .Values.ingest.limits -}}
{{ include "confab.env.service" (dict "root" . "component" "ingest") }}
{{ include "confab.env.http" . }}
- name: APPLICATION_MESSAGE_RATE
  value: {{ int $limits.applicationMessageRate | quote }}
- name: APPLICATION_MESSAGE_BURST
  value: {{ int $limits.applicationMessageBurst | quote }}
- name: MAX_REQUEST_BYTES
  value: {{ int $limits.maxRequestBytes | quote }}
- name: MAX_PENDING
  value: {{ int $limits.maxPending | quote }}
- name: REDIS_MEMORY_LIMIT_RATIO
  value: {{ $limits.redisMemoryLimitRatio | quote }}
- name: IDEMPOTENCY_TTL
  value: {{ $limits.idempotencyTtl | quote }}
- name: MAX_IDEMPOTENCY_KEYS
  value: {{ int $limits.maxIdempotencyKeys | quote }}
- name: ACCEPT_DEADLINE
  value: {{ $limits.acceptDeadline | quote }}
{{- end -}}

{{- define "confab.env.api" -}}
{{ include "confab.env.service" (dict "root" . "component" "api") }}
{{ include "confab.env.http" . }}
{{ include "confab.env.search" . }}
- name: APPLICATION_REQUEST_RATE
  value: {{ int .Values.api.limits.applicationRequestRate | quote }}
- name: APPLICATION_SEARCH_TIME
  value: {{ .Values.api.limits.applicationSearchTime | quote }}
- name: MAX_REQUEST_BYTES
  value: {{ int .Values.api.limits.maxRequestBytes | quote }}
- name: MAX_STREAMS
  value: {{ int .Values.api.limits.maxStreams | quote }}
- name: MAX_STREAMS_PER_APPLICATION
  value: {{ int .Values.api.limits.maxStreamsPerApplication | quote }}
- name: MAX_STREAMS_PER_ADDRESS
  value: {{ int .Values.api.limits.maxStreamsPerAddress | quote }}
{{- /* For confabctl in kubectl exec. */}}
- name: CONFAB_URL
  value: http://localhost:{{ include "confab.httpPort" (dict "component" "api") }}
- name: CONFAB_INGEST_URL
  value: {{ include "confab.serviceUrl" (dict "root" . "component" "ingest") | quote }}
{{- end -}}

{{- define "confab.env.worker" -}}
{{- $store := .Values.worker.store -}}
{{ include "confab.env.service" (dict "root" . "component" "worker") }}
{{ include "confab.env.search" . }}
- name: IDEMPOTENCY_TTL
  value: {{ .Values.ingest.limits.idempotencyTtl | quote }}
- name: JOB_CONCURRENCY
  value: {{ int $store.jobConcurrency | quote }}
- name: STORE_MAX_ROWS
  value: {{ int $store.maxRows | quote }}
- name: SWEEP_INTERVAL
  value: {{ $store.sweepInterval | quote }}
- name: BATCH_OVERDUE_AFTER
  value: {{ $store.batchOverdueAfter | quote }}
- name: CONSUMER_STALL_TIMEOUT
  value: {{ $store.consumerStallTimeout | quote }}
- name: BATCH_ID_RETENTION
  value: {{ $store.batchIdRetention | quote }}
{{- end -}}

{{- define "confab.env.smoke" -}}
- name: CONFAB_URL
  value: {{ include "confab.serviceUrl" (dict "root" . "component" "api") | quote }}
- name: CONFAB_INGEST_URL
  value: {{ include "confab.serviceUrl" (dict "root" . "component" "ingest") | quote }}
{{ include "confab.env.adminKey" . }}
{{- end -}}

{{- define "confab.env.canary" -}}
{{- if .Values.canary.url -}}
- name: CONFAB_URL
  value: {{ .Values.canary.url | quote }}
{{- else -}}
- name: CONFAB_URL
  value: {{ include "confab.serviceUrl" (dict "root" . "component" "api") | quote }}
- name: CONFAB_INGEST_URL
  value: {{ include "confab.serviceUrl" (dict "root" . "component" "ingest") | quote }}
{{- end }}
{{ include "confab.env.secret" (dict "name" "APPLICATION_TOKEN" "secret" .Values.canary.existingSecret "key" .Values.canary.existingSecretKey) }}
{{- if .Values.config.requireKeys }}
{{ include "confab.env.secret" (dict "name" "CONFAB_KEY" "secret" .Values.canary.existingSecret "key" .Values.canary.existingSecretApiKey) }}
{{- end }}
{{- end -}}

{{/* For files/backup.sh. */}}
{{- define "confab.env.backup" -}}
{{- $external := .Values.externalMysql -}}
{{- if .Values.mysql.enabled -}}
- name: DATABASE_HOST
  value: {{ include "confab.fullname" . }}-mysql
- name: DATABASE_PORT
  value: {{ int .Values.mysql.service.port | quote }}
- name: DATABASE_NAME
  value: {{ .Values.mysql.auth.database | quote }}
{{- else -}}
- name: DATABASE_HOST
  value: {{ $external.host | quote }}
- name: DATABASE_PORT
  value: {{ int $external.port | quote }}
- name: DATABASE_NAME
  value: {{ $external.database | quote }}
{{- if $external.tls.enabled }}
- name: DATABASE_TLS
  value: "on"
{{- with .Values.certificateAuthority }}
{{- if .existingSecret }}
- name: DATABASE_CA
  value: /etc/confab/certificate-authority/{{ .key }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{ include "confab.env.databaseLogin" . }}
- name: KEEP
  value: {{ int .Values.backup.keep | quote }}
- name: VERIFY
  value: {{ ternary "on" "off" .Values.backup.verify | quote }}
{{- end -}}

{{- define "confab.env.telemetry" -}}
{{- $telemetry := .root.Values.telemetry -}}
{{- if $telemetry.endpoint -}}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ $telemetry.endpoint | quote }}
- name: OTEL_EXPORTER_OTLP_PROTOCOL
  value: {{ $telemetry.protocol | quote }}
- name: OTEL_SERVICE_NAME
  value: confab-{{ .component }}
- name: OTEL_TRACES_SAMPLER
  value: {{ $telemetry.sampler | quote }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ $telemetry.samplerArg | quote }}
{{- $attributes := merge (dict) $telemetry.resourceAttributes (dict "k8s.namespace.name" .root.Release.Namespace "service.namespace" .root.Release.Name) -}}
{{- $pairs := list -}}
{{- range $name, $value := $attributes }}{{ $pairs = append $pairs (printf "%s=%s" $name (toString $value | urlquery)) }}{{ end }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ join "," $pairs | quote }}
{{- end -}}
{{- end -}}

{{/* Variables of every Node process, of (dict "root" $ "resources" map). */}}
{{- define "confab.env.node" -}}
{{- /* Where requests are few or long, a larger young generation takes 100 MB of memory and saves no CPU time. Ingest has its own flag. */ -}}
- name: NODE_OPTIONS
  value: "--max-semi-space-size=8{{ with include "confab.partOfMemory" (dict "resources" .resources "percent" 75) }} --max-old-space-size={{ . }}{{ end }}"
{{- if .root.Values.certificateAuthority.existingSecret }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/confab/certificate-authority/{{ .root.Values.certificateAuthority.key }}
{{- end }}
{{- end -}}

{{/* Two lists of variables as one; the second takes precedence. Of (dict "chart" text "extra" list). */}}
{{- define "confab.env.merged" -}}
{{- $taken := list -}}
{{- range .extra }}{{ $taken = append $taken .name }}{{ end -}}
{{- $merged := list -}}
{{- range fromYamlArray .chart }}{{ if not (has .name $taken) }}{{ $merged = append $merged . }}{{ end }}{{ end -}}
{{- concat $merged .extra | toYaml -}}
{{- end -}}

{{- define "confab.env.mysqlServer" -}}
{{- $auth := .Values.mysql.auth -}}
{{- $secret := include "confab.mysqlSecret" . -}}
- name: MYSQL_DATABASE
  value: {{ $auth.database | quote }}
{{- /* Root logs in from its own pod only. MySQL reads this at the first start only, so it must not restart a MySQL that runs without it. */}}
{{- $running := lookup "apps/v1" "StatefulSet" .Release.Namespace (printf "%s-mysql" (include "confab.fullname" .)) }}
{{- if or (not $running) (contains "MYSQL_ROOT_HOST" (toJson $running)) }}
- name: MYSQL_ROOT_HOST
  value: localhost
{{- end }}
- name: MYSQL_USER
  value: {{ $auth.username | quote }}
{{ include "confab.env.secret" (dict "name" "MYSQL_PASSWORD" "secret" $secret "key" $auth.existingSecretKeys.password) }}
{{ include "confab.env.secret" (dict "name" "MYSQL_ROOT_PASSWORD" "secret" $secret "key" $auth.existingSecretKeys.rootPassword) }}
{{- end -}}

{{- define "confab.env.elasticsearchServer" -}}
{{- with include "confab.partOfMemory" (dict "resources" .Values.elasticsearch.resources "percent" 50) -}}
- name: ES_JAVA_OPTS
  value: -Xms{{ . }}m -Xmx{{ . }}m
{{ end -}}
{{ include "confab.env.secret" (dict "name" "ELASTIC_PASSWORD" "secret" (include "confab.elasticsearchSecret" .) "key" .Values.elasticsearch.auth.existingSecretKeys.password) }}
{{- end -}}
