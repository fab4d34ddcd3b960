/** `host:port[,host:port…]`, as Kafka's own tools take it; undefined when that is not what the text says. */
export function parseBrokers(text: string): string[] | undefined {
  const brokers = text
    .split(',')
    .map((broker) => broker.trim())
    .filter((broker) => broker !== '')
  const isValid =
    brokers.length > 0 && brokers.every((broker) => /^(\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5}$/.test(broker))
  return isValid ? brokers : undefined
}
