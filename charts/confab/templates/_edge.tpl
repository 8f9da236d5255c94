{{/* Rate limit of one Ingress, as YAML with requestsPerSecond and burst, of (dict "root" $ "component" service ["suffix" "admin"]). */}}
{{- define "confab.ingress.limit" -}}
{{- $limit := .root.Values.ingress.rateLimit -}}
{{- $limits := dict "ingest" (pick $limit "requestsPerSecond" "burst") "admin" $limit.admin "api" $limit.other -}}
{{- get $limits (.suffix | default .component) | toYaml -}}
{{- end -}}

{{/* Whether an Ingress has a limit per client address, of the same dict: "true" or empty. */}}
{{- define "confab.ingress.isLimited" -}}
{{- $limit := include "confab.ingress.limit" . | fromYaml -}}
{{- if and .root.Values.ingress.rateLimit.enabled $limit.requestsPerSecond }}true{{ end -}}
{{- end -}}

{{/* Annotations of one Ingress, of the same dict: the chart's, then those of the values, which take precedence. */}}
{{- define "confab.ingress.annotations" -}}
{{- $ingress := .root.Values.ingress -}}
{{- $limit := include "confab.ingress.limit" . | fromYaml -}}
{{- $limited := include "confab.ingress.isLimited" . -}}
{{- $chart := dict -}}
{{- if eq $ingress.controller "nginx" -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/proxy-body-size" $ingress.maxBodySize -}}
{{- /* Only the client may repeat a request whose outcome is unknown, with its idempotency key. */ -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/proxy-next-upstream" "off" -}}
{{- /* A controller that buffers holds back live streams: Traefik reads these annotations and ignores X-Accel-Buffering. */ -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/proxy-buffering" "off" -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/proxy-buffer-size" "16k" -}}
{{- /* Longer than a list of messages may wait for the next one. */ -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/proxy-read-timeout" "45" -}}
{{- if $limited -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/limit-rps" (toString (int $limit.requestsPerSecond)) -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/limit-burst-multiplier" (toString (div (int $limit.burst) (int $limit.requestsPerSecond))) -}}
{{- end -}}
{{- else if and (eq $ingress.controller "traefik") $limited -}}
{{- $middleware := printf "%s-%s-%s@kubernetescrd" .root.Release.Namespace (include "confab.fullname" .root) (.suffix | default .component) -}}
{{- $_ := set $chart "traefik.ingress.kubernetes.io/router.middlewares" $middleware -}}
{{- end -}}
{{- /* One Ingress requests the certificate, which all of them use. */ -}}
{{- if and $ingress.tls.enabled (eq .component "api") (not .suffix) -}}
{{- if $ingress.tls.clusterIssuer }}{{ $_ := set $chart "cert-manager.io/cluster-issuer" $ingress.tls.clusterIssuer }}{{ end -}}
{{- if $ingress.tls.issuer }}{{ $_ := set $chart "cert-manager.io/issuer" $ingress.tls.issuer }}{{ end -}}
{{- end -}}
{{- $own := ternary $ingress.ingestAnnotations $ingress.apiAnnotations (eq .component "ingest") -}}
{{- merge (dict) ($own | default dict) ($ingress.annotations | default dict) $chart | toYaml -}}
{{- end -}}

{{/* An Ingress to a service's http port, of (dict "root" $ "component" service ["suffix" "admin"] "paths" list of (dict "path" "pathType")). */}}
{{- define "confab.ingress" -}}
{{- $ingress := .root.Values.ingress -}}
{{- $backend := dict "service" (dict "name" (printf "%s-%s" (include "confab.fullname" .root) .component) "port" (dict "name" "http")) -}}
{{- $paths := list -}}
{{- range .paths }}{{ $paths = append $paths (merge (dict "backend" $backend) .) }}{{ end -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
  {{- with include "confab.ingress.annotations" . | fromYaml }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with $ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- if $ingress.tls.enabled }}
  tls:
    - secretName: {{ $ingress.tls.secretName }}
      {{- with $ingress.hosts }}
      hosts:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- end }}
  rules:
    {{- range $ingress.hosts | default (list "") }}
    - http:
        paths:
          {{- toYaml $paths | nindent 10 }}
      {{- with . }}
      host: {{ . | quote }}
      {{- end }}
    {{- end }}
{{- end -}}

{{/* Rate limit of one Ingress as a Traefik Middleware, of the same dict. */}}
{{- define "confab.ingress.middleware" -}}
{{- $limit := include "confab.ingress.limit" . | fromYaml -}}
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
spec:
  rateLimit:
    average: {{ int $limit.requestsPerSecond }}
    period: 1s
    burst: {{ int $limit.burst }}
{{- end -}}
