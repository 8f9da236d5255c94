{{/* Annotations of one of the two Ingresses, of (dict "root" $ "component" name); the later ones win. */}}
{{- define "confab.ingress.annotations" -}}
{{- $ingress := .root.Values.ingress -}}
{{- $limit := $ingress.rateLimit -}}
{{- $limited := and $limit.enabled (eq .component "ingest") -}}
{{- $chart := dict -}}
{{- if eq $ingress.controller "nginx" -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/proxy-body-size" $ingress.maxBodySize -}}
{{- /* A request whose outcome is unknown is the caller's to repeat, with its idempotency key. */ -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/proxy-next-upstream" "off" -}}
{{- if $limited -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/limit-rps" (toString (int $limit.requestsPerSecond)) -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/limit-burst-multiplier" (toString (div (int $limit.burst) (int $limit.requestsPerSecond))) -}}
{{- end -}}
{{- if eq .component "api" -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/proxy-read-timeout" (toString (int $ingress.streamTimeoutSeconds)) -}}
{{- $_ := set $chart "nginx.ingress.kubernetes.io/proxy-buffering" "off" -}}
{{- end -}}
{{- else if and (eq $ingress.controller "traefik") $limited -}}
{{- $middleware := printf "%s-%s-ingest@kubernetescrd" .root.Release.Namespace (include "confab.fullname" .root) -}}
{{- $_ := set $chart "traefik.ingress.kubernetes.io/router.middlewares" $middleware -}}
{{- end -}}
{{- /* Only one of the two asks for the certificate that both use. */ -}}
{{- if and $ingress.tls.enabled (eq .component "api") -}}
{{- if $ingress.tls.clusterIssuer }}{{ $_ := set $chart "cert-manager.io/cluster-issuer" $ingress.tls.clusterIssuer }}{{ end -}}
{{- if $ingress.tls.issuer }}{{ $_ := set $chart "cert-manager.io/issuer" $ingress.tls.issuer }}{{ end -}}
{{- end -}}
{{- $own := ternary $ingress.ingestAnnotations $ingress.apiAnnotations (eq .component "ingest") -}}
{{- merge (dict) $own $ingress.annotations $chart | toYaml -}}
{{- end -}}

{{/* An Ingress to a service's http port, of (dict "root" $ "component" name "paths" list of (dict "path" "pathType")). */}}
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
