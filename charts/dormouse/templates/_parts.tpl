{{/* The parts that this release has, as YAML: templates that are made once per part range over it. */}}
{{- define "dormouse.parts" -}}
- controller
- gateway
{{- if include "dormouse.kafkaBrokers" . }}
- dispatcher
{{- end }}
{{- end -}}
