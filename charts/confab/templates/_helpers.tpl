{{- define "confab.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 40 characters, so that the longest name with it (a revision of a StatefulSet) stays below 63. */}}
{{- define "confab.fullname" -}}
{{- $name := include "confab.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Of (dict "root" $ "component" name). */}}
{{- define "confab.selectorLabels" -}}
app.kubernetes.io/name: {{ include "confab.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Of (dict "root" $ "component" name). */}}
{{- define "confab.labels" -}}
{{ include "confab.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: confab
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of pods. None changes with the version of the chart, which would restart the stores. */}}
{{- define "confab.podLabels" -}}
{{ include "confab.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: confab
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Metadata of every object, of (dict "root" $ "component" name ["suffix" text]). */}}
{{- define "confab.metadata" -}}
name: {{ include "confab.fullname" .root }}-{{ .suffix | default .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "confab.labels" . | nindent 2 }}
{{- end -}}

{{/* An image's name, of (dict "root" $ "image" map). */}}
{{- define "confab.imageName" -}}
{{- $registry := .root.Values.global.imageRegistry | default .image.registry -}}
{{- with $registry }}{{ . }}/{{ end -}}
{{- .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- define "confab.imagePullSecrets" -}}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Name of a component's service account, of (dict "root" $ "component" name). */}}
{{- define "confab.serviceAccountName" -}}
{{- $account := (get .root.Values .component).serviceAccount -}}
{{- if $account.create -}}
{{- default (printf "%s-%s" (include "confab.fullname" .root) .component) $account.name -}}
{{- else -}}
{{- default "default" $account.name -}}
{{- end -}}
{{- end -}}

{{/* A duration such as 500ms, 10s, 5m, 2h or 7d in whole seconds. */}}
{{- define "confab.seconds" -}}
{{- $factors := dict "ms" 0.001 "s" 1 "m" 60 "h" 3600 "d" 86400 -}}
{{- mulf (regexFind "^[0-9]+" . | float64) (get $factors (regexFind "[a-z]+$" . | default "ms")) | ceil | int64 -}}
{{- end -}}

{{/* A memory quantity in whole MiB; empty if it is not one. */}}
{{- define "confab.mebibytes" -}}
{{- $text := toString . -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$" $text -}}
{{- $number := regexFind "^[0-9.]+" $text | float64 -}}
{{- $unit := regexFind "[A-Za-z]+$" $text -}}
{{- $bytes := get (dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776) $unit -}}
{{- divf (mulf $number $bytes) 1048576 | floor | int64 -}}
{{- end -}}
{{- end -}}

{{/* A CPU quantity in thousandths of a core. */}}
{{- define "confab.millicores" -}}
{{- $text := toString . -}}
{{- mulf (regexFind "^[0-9.]+" $text | float64) (ternary 1 1000 (hasSuffix "m" $text)) | ceil | int64 -}}
{{- end -}}

{{/* Part of a workload's memory limit in MiB, of (dict "resources" map "percent" number); empty without a limit. */}}
{{- define "confab.partOfMemory" -}}
{{- with dig "limits" "memory" "" (.resources | default dict) -}}
{{- with include "confab.mebibytes" . -}}
{{- div (mul (int64 .) $.percent) 100 -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* URL for clients outside the cluster; empty if the values do not determine it. */}}
{{- define "confab.edgeUrl" -}}
{{- $ingress := .Values.ingress -}}
{{- if .Values.config.publicUrl -}}
{{- .Values.config.publicUrl -}}
{{- else if and $ingress.enabled $ingress.hosts -}}
{{- printf "%s://%s" (ternary "https" "http" $ingress.tls.enabled) (first $ingress.hosts) -}}
{{- else if and .Values.httpRoute.enabled .Values.httpRoute.hostnames -}}
{{- printf "https://%s" (first .Values.httpRoute.hostnames) -}}
{{- end -}}
{{- end -}}

{{- define "confab.publicUrl" -}}
{{- include "confab.edgeUrl" . | default (printf "http://%s-api.%s" (include "confab.fullname" .) .Release.Namespace) -}}
{{- end -}}

{{/* In-cluster URL of a service, of (dict "root" $ "component" name). */}}
{{- define "confab.serviceUrl" -}}
{{- $port := int (get .root.Values .component).service.port -}}
{{- printf "http://%s-%s" (include "confab.fullname" .root) .component -}}
{{- if ne $port 80 }}{{ printf ":%d" $port }}{{ end -}}
{{- end -}}

{{/* Whether objects of monitoring.coreos.com may be created: "true" or empty. */}}
{{- define "confab.hasMonitoring" -}}
{{- if or .Values.monitoring.force (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") }}true{{ end -}}
{{- end -}}

{{- define "confab.usesElasticsearch" -}}
{{- if eq .Values.search.backend "elasticsearch" }}true{{ end -}}
{{- end -}}

{{- define "confab.runsElasticsearch" -}}
{{- if and .Values.elasticsearch.enabled (include "confab.usesElasticsearch" .) }}true{{ end -}}
{{- end -}}
