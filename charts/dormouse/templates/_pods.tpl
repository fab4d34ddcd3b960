{{/* What the pods of all parts have in common. */}}

{{/* (dict "root" $ "part" "gateway") */}}
{{- define "dormouse.podMetadata" -}}
{{- $values := get .root.Values .part -}}
# Not the chart's version: pods start anew only when they change.
labels:
  {{- include "dormouse.selector" . | nindent 2 }}
  app.kubernetes.io/part-of: dormouse
  {{- with $values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := dict -}}
{{- if .root.Values.monitoring.annotations -}}
{{- $annotations = dict "prometheus.io/scrape" "true" "prometheus.io/port" "9090" "prometheus.io/path" "/metrics" -}}
{{- end -}}
{{- with mergeOverwrite $annotations $values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* (dict "root" $ "part" "gateway"): fields of a pod's spec. */}}
{{- define "dormouse.podCommon" -}}
{{- $values := get .root.Values .part -}}
serviceAccountName: {{ include "dormouse.fullname" .root }}-{{ .part }}
enableServiceLinks: false
# The first process of a namespace gets no signal that it has no handler for: told to end while it starts, it would stay for all of its
# grace period.
shareProcessNamespace: true
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
{{- if $values.topologySpreadConstraints }}
  {{- toYaml $values.topologySpreadConstraints | nindent 2 }}
{{- else }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "dormouse.selector" $ | nindent 8 }}
    # Of one ReplicaSet: while a new version rolls out, the old one's pods do not count.
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end -}}

{{/* (dict "root" $ "part" "gateway"): fields of a container. */}}
{{- define "dormouse.containerCommon" -}}
name: {{ .part }}
image: {{ include "dormouse.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
# What a process says last is why it ended: `kubectl describe` and `dormouse doctor` show it.
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
resources:
  {{- toYaml (get .root.Values .part).resources | nindent 2 }}
# As often as each second only until it is up.
startupProbe:
  httpGet: { path: /healthz, port: management }
  periodSeconds: 1
  failureThreshold: 60
readinessProbe:
  httpGet: { path: /readyz, port: management }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
livenessProbe:
  httpGet: { path: /healthz, port: management }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}

{{/* Environment of every part. */}}
{{- define "dormouse.commonEnv" -}}
- name: DORMOUSE_MANAGEMENT_PORT
  value: "9090"
- name: DORMOUSE_LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- end -}}

{{/* Environment of gateway and dispatcher: where the controllers are, and who we are. */}}
{{- define "dormouse.dataPlaneEnv" -}}
- name: DORMOUSE_CONTROLLERS
  value: http://{{ include "dormouse.host" (dict "root" . "service" "controllers") }}:8082
- name: DORMOUSE_TOKEN_FILE
  value: /var/run/secrets/dormouse/token
- name: DORMOUSE_REPORTER
  valueFrom:
    fieldRef:
      apiVersion: v1
      fieldPath: metadata.name
{{ include "dormouse.commonEnv" . }}
{{- end -}}

{{- define "dormouse.tokenMount" -}}
- name: token
  mountPath: /var/run/secrets/dormouse
  readOnly: true
{{- end -}}

{{/* Good for the controllers only, and for an hour; the kubelet renews it. */}}
{{- define "dormouse.tokenVolume" -}}
- name: token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          audience: dormouse-controller
          expirationSeconds: 3600
{{- end -}}
