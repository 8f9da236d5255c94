{{/* Pattern for comparisons with a number in an expression, of the number as text. */}}
{{- define "confab.comparedWith" -}}
([<>]=?|[!=]=) {{ . | replace "." "\\." }}($|[^0-9.])
{{- end -}}

{{/*
A text of the chart's rules and dashboards for this release: `CONFAB_FULLNAME` becomes the prefix of the release's objects,
and the folders of runbooks and dashboards become URLs. Of (dict "root" $ "text" text).
*/}}
{{- define "confab.monitoringText" -}}
{{- $rule := .root.Values.monitoring.prometheusRule -}}
{{- $text := .text | replace "CONFAB_FULLNAME" (include "confab.fullname" .root) -}}
{{- with $rule.runbookUrlPrefix }}{{ $text = $text | replace "docs/runbooks/" . }}{{ end -}}
{{- $text -}}
{{- end -}}

{{/* One rule of a rules file, for this release, as YAML; empty where the values remove it. Of (dict "root" $ "rule" map). */}}
{{- define "confab.rule" -}}
{{- $values := .root.Values.monitoring.prometheusRule -}}
{{- $rule := deepCopy .rule -}}
{{- $change := get ($values.alerts | default dict) ($rule.alert | default "") | default dict -}}
{{- if get $change "enabled" | toString | ne "false" -}}
{{- if $rule.alert -}}
{{- $severities := dict "critical" $values.severities.critical "warning" $values.severities.warning -}}
{{- $severity := get $severities $rule.labels.severity | default $rule.labels.severity -}}
{{- $labels := merge (dict) ($change.labels | default dict) ($values.alertLabels | default dict) (dict "severity" ($change.severity | default $severity)) $rule.labels -}}
{{- $annotations := $rule.annotations | default dict -}}
{{- if not $values.runbookUrlPrefix }}{{ $annotations = omit $annotations "runbook_url" }}{{ end -}}
{{- if $values.dashboardUrlPrefix -}}
{{- $_ := set $annotations "dashboard" (printf "%s%s" $values.dashboardUrlPrefix $annotations.dashboard) -}}
{{- else -}}
{{- $annotations = omit $annotations "dashboard" -}}
{{- end -}}
{{- range $number, $other := $change.thresholds -}}
{{- $_ := set $rule "expr" (regexReplaceAll (include "confab.comparedWith" $number) $rule.expr (printf "${1} %s${2}" (toString $other))) -}}
{{- end -}}
{{- $_ := set $rule "for" ($change.for | default $rule.for) -}}
{{- $_ := set $rule "labels" $labels -}}
{{- $_ := set $rule "annotations" $annotations -}}
{{- end -}}
{{- include "confab.monitoringText" (dict "root" .root "text" (toYaml $rule)) -}}
{{- end -}}
{{- end -}}
