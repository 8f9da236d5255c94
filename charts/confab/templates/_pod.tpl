{{/* Fields of every pod, of (dict "root" $ "values" map). */}}
{{- define "confab.podBasics" -}}
automountServiceAccountToken: {{ dig "serviceAccount" "automount" false .values }}
enableServiceLinks: false
{{- include "confab.imagePullSecrets" .root }}
securityContext:
  {{- toYaml .values.podSecurityContext | nindent 2 }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Volumes of a pod of Confab's image, of the root. */}}
{{- define "confab.podVolumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- if .Values.certificateAuthority.existingSecret }}
- name: certificate-authority
  secret:
    secretName: {{ .Values.certificateAuthority.existingSecret }}
{{- end }}
{{- end -}}

{{- define "confab.podVolumeMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if .Values.certificateAuthority.existingSecret }}
- name: certificate-authority
  mountPath: /etc/confab/certificate-authority
  readOnly: true
{{- end }}
{{- end -}}

{{/* confabctl in a container, of (dict "root" $ "name" name "args" list "env" text "values" map ["extraEnv" list] ["image" map]). */}}
{{- define "confab.confabctl" -}}
{{- $image := .image | default .root.Values.image -}}
- name: {{ .name }}
  image: {{ include "confab.imageName" (dict "root" .root "image" $image) }}
  imagePullPolicy: {{ $image.pullPolicy }}
  args:
    - packages/cli/dist/src/main.js
    {{- toYaml .args | nindent 4 }}
  env:
    {{- $env := printf "%s\n%s" .env (include "confab.env.node" (dict "root" .root "resources" .values.resources)) }}
    {{- include "confab.env.merged" (dict "chart" $env "extra" (.extraEnv | default list)) | nindent 4 }}
  resources:
    {{- toYaml .values.resources | nindent 4 }}
  securityContext:
    {{- toYaml .values.securityContext | nindent 4 }}
  volumeMounts:
    {{- include "confab.podVolumeMounts" .root | nindent 4 }}
{{- end -}}

{{/* Pod template of ingest, api and worker, of (dict "root" $ "component" name). */}}
{{- define "confab.podTemplate" -}}
{{- $root := .root -}}
{{- $values := get $root.Values .component -}}
{{- $selector := include "confab.selectorLabels" . -}}
{{- $image := merge (dict) $values.image $root.Values.image -}}
{{- $hasHttp := ne .component "worker" -}}
metadata:
  labels:
    {{- include "confab.podLabels" . | nindent 4 }}
    app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/secret: {{ include "confab.secretChecksum" $root }}
    kubectl.kubernetes.io/default-container: {{ .component }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "confab.serviceAccountName" . }}
  {{- include "confab.podBasics" (dict "root" $root "values" $values) | nindent 2 }}
  terminationGracePeriodSeconds: {{ int $values.terminationGracePeriodSeconds }}
  {{- with $values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- $own := dict "labelSelector" (dict "matchLabels" (fromYaml $selector)) "matchLabelKeys" (list "pod-template-hash") }}
    {{- range . }}
    {{- list (merge (dict) . $own) | toYaml | nindent 4 }}
    {{- end }}
  {{- end }}
  initContainers:
    {{- $wait := list "migrate" "--status" "--wait" $root.Values.migrations.schemaWait }}
    {{- /* Ingest accepts messages to chats that Redis knows without MySQL. */}}
    {{- if eq .component "ingest" }}
    {{- $wait = concat $wait (list "--unless-unavailable" "15s") }}
    {{- end }}
    {{- include "confab.confabctl" (dict "root" $root "name" "wait-for-schema" "args" $wait "env" (include "confab.env.database" $root)
        "image" $image "extraEnv" $root.Values.migrations.extraEnv
        "values" (dict "resources" $root.Values.migrations.resources "securityContext" $values.securityContext)) | nindent 4 }}
    {{- with $values.initContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "confab.imageName" (dict "root" $root "image" $image) }}
      imagePullPolicy: {{ $image.pullPolicy }}
      {{- with $values.command }}
      command:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      args:
        {{- /* Ingest holds many short-lived objects. Several threads need a tenth more CPU time than one to collect them, and so does a young
               generation of 8 MB with batch requests. */}}
        {{- $flags := ternary (list "--max-semi-space-size=16" "--no-parallel-scavenge") list (eq .component "ingest") }}
        {{- $values.args | default (append $flags (printf "services/%s/dist/src/main.js" .component)) | toYaml | nindent 8 }}
      env:
        {{- $env := printf "%s\n%s" (include (printf "confab.env.%s" .component) $root) (include "confab.env.node" (dict "root" $root "resources" $values.resources)) }}
        {{- include "confab.env.merged" (dict "chart" $env "extra" $values.extraEnv) | nindent 8 }}
      {{- with $values.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        {{- if $hasHttp }}
        - name: http
          containerPort: {{ include "confab.httpPort" . }}
        {{- end }}
        - name: admin
          containerPort: {{ include "confab.adminPort" . }}
      {{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" }}
      {{- with get $values $probe }}
      {{ $probe }}:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- end }}
      {{- if gt (int $values.preStopSleepSeconds) 0 }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ int $values.preStopSleepSeconds }}
      {{- end }}
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      securityContext:
        {{- toYaml $values.securityContext | nindent 8 }}
      volumeMounts:
        {{- include "confab.podVolumeMounts" $root | nindent 8 }}
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with $values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "confab.podVolumes" $root | nindent 4 }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Default ports of the services. */}}
{{- define "confab.httpPort" -}}
{{- get (dict "ingest" "8081" "api" "8082") .component -}}
{{- end -}}

{{- define "confab.adminPort" -}}
{{- get (dict "ingest" "9081" "api" "9082" "worker" "9083") .component -}}
{{- end -}}
