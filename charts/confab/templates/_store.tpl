{{/* Parts that the three stores share. All take (dict "root" $ "component" name). */}}

{{- define "confab.store.service" -}}
{{- $values := get .root.Values .component -}}
{{- $port := get (dict "mysql" "mysql" "redis" "redis" "elasticsearch" "http") .component -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "confab.metadata" . | nindent 2 }}
  {{- with $values.service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  # An address that stays when the pod is replaced, so clients reconnect without waiting for DNS
  type: ClusterIP
  selector:
    {{- include "confab.selectorLabels" . | nindent 4 }}
  ports:
    - name: {{ $port }}
      port: {{ int $values.service.port }}
      targetPort: {{ $port }}
    {{- if $values.metrics.enabled }}
    - name: metrics
      port: {{ include "confab.exporterPort" . }}
      targetPort: metrics
    {{- end }}
{{- end -}}

{{- define "confab.exporterPort" -}}
{{- get (dict "mysql" "9104" "redis" "9121" "elasticsearch" "9114") .component -}}
{{- end -}}

{{/* Spec of a StatefulSet without its pod template. */}}
{{- define "confab.store.spec" -}}
{{- $values := get .root.Values .component -}}
replicas: 1
serviceName: {{ include "confab.fullname" .root }}-{{ .component }}
{{- if $values.persistence.enabled }}
persistentVolumeClaimRetentionPolicy:
  whenDeleted: {{ $values.persistence.whenDeleted }}
  whenScaled: Retain
{{- end }}
selector:
  matchLabels:
    {{- include "confab.selectorLabels" . | nindent 4 }}
{{- if $values.persistence.enabled }}
volumeClaimTemplates:
  - apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: data
      labels:
        {{- include "confab.selectorLabels" . | nindent 8 }}
      {{- with $values.persistence.annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      accessModes:
        {{- toYaml $values.persistence.accessModes | nindent 8 }}
      {{- with $values.persistence.storageClass }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ $values.persistence.size }}
{{- end }}
{{- end -}}

{{- define "confab.store.podMetadata" -}}
{{- $values := get .root.Values .component -}}
labels:
  {{- include "confab.podLabels" . | nindent 2 }}
  {{- with $values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ (include (print .root.Template.BasePath "/" .component "/configmap.yaml") .root | fromYaml).data | toJson | sha256sum }}
  checksum/secret: {{ $values.auth | toJson | sha256sum }}
  kubectl.kubernetes.io/default-container: {{ .component }}
  {{- with $values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "confab.store.podBasics" -}}
{{- $values := get .root.Values .component -}}
serviceAccountName: {{ include "confab.serviceAccountName" . }}
{{ include "confab.podBasics" (dict "root" .root "values" $values) }}
terminationGracePeriodSeconds: {{ int $values.terminationGracePeriodSeconds }}
{{- end -}}

{{/* Image, probes, resources and security context of a store's container. */}}
{{- define "confab.store.container" -}}
{{- $values := get .root.Values .component -}}
image: {{ include "confab.imageName" (dict "root" .root "image" $values.image) }}
imagePullPolicy: {{ $values.image.pullPolicy }}
{{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" }}
{{- with get $values $probe }}
{{ $probe }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
resources:
  {{- toYaml $values.resources | nindent 2 }}
securityContext:
  {{- toYaml $values.securityContext | nindent 2 }}
{{- end -}}

{{/* Image, port and limits of an exporter's container. */}}
{{- define "confab.store.exporter" -}}
{{- $values := get .root.Values .component -}}
name: metrics
image: {{ include "confab.imageName" (dict "root" .root "image" $values.metrics.image) }}
imagePullPolicy: {{ $values.metrics.image.pullPolicy }}
ports:
  - name: metrics
    containerPort: {{ include "confab.exporterPort" . }}
livenessProbe:
  httpGet:
    path: /
    port: metrics
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  tcpSocket:
    port: metrics
  periodSeconds: 5
resources:
  {{- toYaml $values.metrics.resources | nindent 2 }}
securityContext:
  {{- $values.securityContext | merge (dict "runAsUser" 65534 "runAsGroup" 65534) | toYaml | nindent 2 }}
{{- end -}}

{{/* Volumes of every store: its data, unless they are in a claim, and its configuration. */}}
{{- define "confab.store.volumes" -}}
{{- $values := get .root.Values .component -}}
{{- if not $values.persistence.enabled }}
- name: data
  emptyDir: {}
{{- end }}
- name: config
  configMap:
    name: {{ include "confab.fullname" .root }}-{{ .component }}
- name: tmp
  emptyDir: {}
{{- with $values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
