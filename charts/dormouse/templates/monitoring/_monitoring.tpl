{{/* (dict "root" $ "enabled" "auto") → "yes" or nothing. `auto` asks for the Prometheus operator's API. */}}
{{- define "dormouse.monitored" -}}
{{- if eq (toString .enabled) "auto" -}}
{{- if .root.Capabilities.APIVersions.Has "monitoring.coreos.com/v1" -}}yes{{- end -}}
{{- else if .enabled -}}yes{{- end -}}
{{- end -}}
