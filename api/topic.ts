/** Kafka's rule for names of topics, but for names of dots alone; their length is bounded by the schema. */
export const TOPIC_NAME = '^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$'
/** Of topics that are not for users; in CEL, too. */
export const RESERVED_TOPIC_PATTERN = '^(dormouse[._]|__)'
