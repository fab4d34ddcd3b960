{{/* Names and labels. `part` is controller, gateway, dispatcher, kafka or test. */}}

{{- define "dormouse.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name, with the chart's in it. Short enough for the longest suffix, "-dispatcher-management". */}}
{{- define "dormouse.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "dormouse.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "dormouse.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* (dict "root" $ "part" "gateway") → what never changes: selectors are immutable. */}}
{{- define "dormouse.selector" -}}
app.kubernetes.io/name: dormouse
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- with .part }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "dormouse.labels" -}}
{{ include "dormouse.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: dormouse
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* (dict "root" $ "part" "gateway") */}}
{{- define "dormouse.image" -}}
{{- printf "%s/dormouse-%s:%s" (trimSuffix "/" .root.Values.image.registry) .part (default .root.Chart.AppVersion .root.Values.image.tag) -}}
{{- end -}}

{{/* (dict "root" $ "service" "gateway-internal") → a Service's name in DNS. */}}
{{- define "dormouse.host" -}}
{{- printf "%s-%s.%s.svc.%s" (include "dormouse.fullname" .root) .service .root.Release.Namespace .root.Values.clusterDomain -}}
{{- end -}}
