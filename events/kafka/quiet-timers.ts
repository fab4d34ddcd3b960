/**
 * kafkajs asks for a timer of a negative time once per process, and Node ≥ 24 says so on the terminal. It is harmless
 * (https://github.com/tulios/kafkajs/issues/1751) and no user's affair. Warnings of others are left alone.
 */
let isQuiet = false

export function quietTimers(): void {
  if (isQuiet) return
  isQuiet = true
  const emit = process.emitWarning.bind(process) as (...values: unknown[]) => void
  process.emitWarning = (...values: unknown[]): void => {
    const isOurs = values[1] === 'TimeoutNegativeWarning' && (new Error().stack ?? '').includes('kafkajs')
    if (!isOurs) emit(...values)
  }
}
