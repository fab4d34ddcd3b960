{{/* The parts that this release has, as YAML: templates that are made once per part range over it. */}}
{{- define "dormouse.parts" -}}
- controller
- gateway
{{- if include "dormouse.kafkaBrokers" . }}
- dispatcher
{{- end }}
{{- end -}}

{{/*
(dict "root" $ "part" "gateway"): a Deployment's replicas as the cluster has them, where autoscaling is switched on over a number of its own: Helm
would take that away, and Kubernetes makes 1 of it until the autoscaler looks. Once said it has to be said ever after; an annotation remembers.
*/}}
{{- define "dormouse.keptReplicas" -}}
{{- if (get .root.Values .part).autoscaling.enabled -}}
{{- $name := printf "%s-%s" (include "dormouse.fullname" .root) .part -}}
{{- $autoscaler := lookup "autoscaling/v2" "HorizontalPodAutoscaler" .root.Release.Namespace $name -}}
{{- with lookup "apps/v1" "Deployment" .root.Release.Namespace $name -}}
{{- if or (not $autoscaler) (hasKey (default dict .metadata.annotations) "dormouse.dev/replicas") -}}
{{ .spec.replicas }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
