{{/* Rules of NetworkPolicies as YAML lists. Ports are ports of pods, not of Services. */}}

{{/* Pods of the release's components, of (dict "root" $ "components" list). */}}
{{- define "confab.peers" -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/name: {{ include "confab.name" .root }}
      app.kubernetes.io/instance: {{ .root.Release.Name }}
    matchExpressions:
      - key: app.kubernetes.io/component
        operator: In
        values:
          {{- toYaml .components | nindent 10 }}
{{- end -}}

{{- define "confab.egress.dns" -}}
- ports:
    {{- range .Values.networkPolicy.dnsPorts }}
    - port: {{ int . }}
      protocol: UDP
    - port: {{ int . }}
      protocol: TCP
    {{- end }}
  {{- with .Values.networkPolicy.dns }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Egress to one store, of (dict "root" $ "component" name "inside" flag "port" number "ports" list). */}}
{{- define "confab.egress.store" -}}
{{- $external := .root.Values.networkPolicy.externalStores -}}
{{- if .inside -}}
- to:
    {{- include "confab.peers" (dict "root" .root "components" (list .component)) | nindent 4 }}
  ports:
    - port: {{ .port }}
      protocol: TCP
{{- else -}}
- ports:
    {{- range concat .ports $external.ports | uniq }}
    - port: {{ int . }}
      protocol: TCP
    {{- end }}
  {{- with $external.cidrs }}
  to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* Ports of hosts, as JSON, of (dict "hosts" list "port" number). */}}
{{- define "confab.portsOfHosts" -}}
{{- $ports := list -}}
{{- range .hosts -}}
{{- $ports = append $ports (regexFind "[0-9]+$" (regexFind ":[0-9]+$" .) | default (toString $.port) | int) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{- define "confab.egress.mysql" -}}
{{- include "confab.egress.store" (dict "root" . "component" "mysql" "inside" .Values.mysql.enabled "port" 3306 "ports" (list (int .Values.externalMysql.port))) -}}
{{- end -}}

{{- define "confab.egress.redis" -}}
{{- $ports := include "confab.portsOfHosts" (dict "hosts" .Values.externalRedis.hosts "port" .Values.externalRedis.port) | fromJsonArray -}}
{{- $sentinels := .Values.externalRedis.sentinels -}}
{{- if $sentinels.hosts -}}
{{- /* The Sentinels name the servers, whose port is not in the values of the Sentinels. */ -}}
{{- $ports = append (include "confab.portsOfHosts" (dict "hosts" $sentinels.hosts "port" $sentinels.port) | fromJsonArray) (int .Values.externalRedis.port) -}}
{{- end -}}
{{- include "confab.egress.store" (dict "root" . "component" "redis" "inside" .Values.redis.enabled "port" 6379 "ports" $ports) -}}
{{- end -}}

{{- define "confab.egress.elasticsearch" -}}
{{- if include "confab.usesElasticsearch" . -}}
{{- $ports := include "confab.portsOfHosts" (dict "hosts" .Values.externalElasticsearch.hosts "port" .Values.externalElasticsearch.port) | fromJsonArray -}}
{{- include "confab.egress.store" (dict "root" . "component" "elasticsearch" "inside" .Values.elasticsearch.enabled "port" 9200 "ports" $ports) -}}
{{- end -}}
{{- end -}}

{{- define "confab.egress.telemetry" -}}
{{- with .Values.telemetry.endpoint -}}
- ports:
    - port: {{ include "confab.portOfUrl" . }}
      protocol: TCP
{{- end -}}
{{- end -}}

{{- define "confab.portOfUrl" -}}
{{- $url := urlParse . -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}

{{/* Policy of a service, of (dict "root" $ "component" name). */}}
{{- define "confab.networkPolicy.service" -}}
{{- $policy := .root.Values.networkPolicy -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "confab.selectorLabels" . | nindent 6 }}
  policyTypes:
    - Ingress
    - Egress
  ingress:
    {{- if ne .component "worker" }}
    - from:
        {{- include "confab.peers" (dict "root" .root "components" (list "smoke" "canary")) | nindent 8 }}
        {{- range concat ($policy.edge | default list) ($policy.clients | default list) }}
        {{- list . | toYaml | nindent 8 }}
        {{- end }}
      ports:
        - port: http
          protocol: TCP
    {{- end }}
    {{- $isScaled := and (eq .component "ingest") .root.Values.worker.enabled .root.Values.worker.keda.enabled }}
    {{- with concat ($policy.monitoring | default list) (ternary ($policy.keda | default list) list $isScaled) }}
    - from:
        {{- toYaml . | nindent 8 }}
      ports:
        - port: admin
          protocol: TCP
    {{- end }}
  egress:
    {{- include "confab.egress.dns" .root | nindent 4 }}
    {{- include "confab.egress.mysql" .root | nindent 4 }}
    {{- include "confab.egress.redis" .root | nindent 4 }}
    {{- if ne .component "ingest" }}
    {{- with include "confab.egress.elasticsearch" .root }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- end }}
    {{- with include "confab.egress.telemetry" .root }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with $policy.extraEgress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Policy of a store: connections from its clients and to its exporter, and none from the store. Of (dict "root" $ "component" name "port" name "clients" list). */}}
{{- define "confab.networkPolicy.store" -}}
{{- $values := get .root.Values .component -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "confab.selectorLabels" . | nindent 6 }}
  policyTypes:
    - Ingress
    - Egress
  ingress:
    - from:
        {{- include "confab.peers" (dict "root" .root "components" .clients) | nindent 8 }}
      ports:
        - port: {{ .port }}
          protocol: TCP
    {{- /* An empty list of peers would allow everyone. */}}
    {{- if and $values.metrics.enabled .root.Values.networkPolicy.monitoring }}
    - from:
        {{- toYaml .root.Values.networkPolicy.monitoring | nindent 8 }}
      ports:
        - port: metrics
          protocol: TCP
    {{- end }}
{{- end -}}

{{/* Policy of a pod that uses the database only, of (dict "root" $ "component" name). */}}
{{- define "confab.networkPolicy.database" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "confab.selectorLabels" . | nindent 6 }}
  policyTypes:
    - Ingress
    - Egress
  egress:
    {{- include "confab.egress.dns" .root | nindent 4 }}
    {{- include "confab.egress.mysql" .root | nindent 4 }}
{{- end -}}

{{/* Policy of a pod that uses the API, through the Services or a URL, of (dict "root" $ "component" name "url" text). */}}
{{- define "confab.networkPolicy.client" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "confab.selectorLabels" . | nindent 6 }}
  policyTypes:
    - Ingress
    - Egress
  egress:
    {{- include "confab.egress.dns" .root | nindent 4 }}
    {{- if .url }}
    - ports:
        - port: {{ include "confab.portOfUrl" .url }}
          protocol: TCP
    {{- else }}
    - to:
        {{- include "confab.peers" (dict "root" .root "components" (list "ingest" "api")) | nindent 8 }}
      ports:
        - port: http
          protocol: TCP
    {{- end }}
{{- end -}}
