/**
 * java-missing, no-containers, fetch-failed: what a broker needs cannot be had · start-failed: it does not come up; the message has its last words ·
 * not-ours: the brokers were started by somebody else and are not ours to stop
 */
export type KafkaSetupCode = 'java-missing' | 'no-containers' | 'fetch-failed' | 'start-failed' | 'not-ours'

/** No Kafka for tests or development. The message says in one sentence what was looked for and what to do. */
export class KafkaSetupError extends Error {
  override readonly name = 'KafkaSetupError'
  readonly code: KafkaSetupCode

  constructor(code: KafkaSetupCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
