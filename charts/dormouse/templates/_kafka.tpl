{{/* Kafka, as controller, gateway and dispatcher are told of it. Empty without brokers. */}}

{{- define "dormouse.kafkaBrokers" -}}
{{- if .Values.kafka.embedded.enabled -}}
{{ include "dormouse.host" (dict "root" . "service" "kafka") }}:9092
{{- else -}}
{{- join "," .Values.kafka.brokers -}}
{{- end -}}
{{- end -}}

{{- define "dormouse.kafkaEnv" -}}
{{- $kafka := .Values.kafka -}}
{{- with include "dormouse.kafkaBrokers" . }}
- name: DORMOUSE_KAFKA
  value: {{ . | quote }}
- name: DORMOUSE_KAFKA_CLIENT_ID
  value: {{ $kafka.clientId | quote }}
{{- $replication := ternary 1 (int $kafka.replication) $kafka.embedded.enabled }}
{{- if $replication }}
- name: DORMOUSE_KAFKA_REPLICATION
  value: {{ $replication | quote }}
{{- end }}
{{- if $kafka.transactions }}
- name: DORMOUSE_KAFKA_TRANSACTIONS
  value: "true"
{{- end }}
{{- if $kafka.tls.enabled }}
- name: DORMOUSE_KAFKA_TLS
  value: "true"
{{- if $kafka.tls.caSecret }}
- name: DORMOUSE_KAFKA_TLS_CA_FILE
  value: /var/run/secrets/kafka/ca.crt
{{- end }}
{{- if $kafka.tls.certSecret }}
- name: DORMOUSE_KAFKA_TLS_CERT_FILE
  value: /var/run/secrets/kafka/tls.crt
- name: DORMOUSE_KAFKA_TLS_KEY_FILE
  value: /var/run/secrets/kafka/tls.key
{{- end }}
{{- end }}
{{- if $kafka.sasl.mechanism }}
- name: DORMOUSE_KAFKA_SASL
  value: {{ $kafka.sasl.mechanism }}
- name: DORMOUSE_KAFKA_USERNAME
  value: {{ $kafka.sasl.username | quote }}
- name: DORMOUSE_KAFKA_PASSWORD_FILE
  value: /var/run/secrets/kafka/password
{{- end }}
{{- end }}
{{- end -}}

{{- define "dormouse.hasKafkaSecrets" -}}
{{- $kafka := .Values.kafka -}}
{{- if or (and $kafka.tls.enabled (or $kafka.tls.caSecret $kafka.tls.certSecret)) $kafka.sasl.mechanism -}}yes{{- end -}}
{{- end -}}

{{- define "dormouse.kafkaMount" -}}
{{- if include "dormouse.hasKafkaSecrets" . }}
- name: kafka
  mountPath: /var/run/secrets/kafka
  readOnly: true
{{- end }}
{{- end -}}

{{/* The kubelet reads the Secrets; no part of Dormouse may. */}}
{{- define "dormouse.kafkaVolume" -}}
{{- $kafka := .Values.kafka -}}
{{- if include "dormouse.hasKafkaSecrets" . }}
- name: kafka
  projected:
    defaultMode: 0440
    sources:
      {{- if and $kafka.tls.enabled $kafka.tls.caSecret }}
      - secret:
          name: {{ $kafka.tls.caSecret | quote }}
          items: [{ key: ca.crt, path: ca.crt }]
      {{- end }}
      {{- if and $kafka.tls.enabled $kafka.tls.certSecret }}
      - secret:
          name: {{ $kafka.tls.certSecret | quote }}
          items: [{ key: tls.crt, path: tls.crt }, { key: tls.key, path: tls.key }]
      {{- end }}
      {{- if $kafka.sasl.mechanism }}
      - secret:
          name: {{ $kafka.sasl.passwordSecret | quote }}
          items: [{ key: {{ $kafka.sasl.passwordKey | quote }}, path: password }]
      {{- end }}
{{- end }}
{{- end -}}
