/** Records of the platform's own logger → one readable line each. */
import type { LogRecord } from '../../lib/logger.ts'
import type { Paint } from '../output/color.ts'

export function platformLogSink(write: (text: string) => void, paint: Paint): (record: LogRecord) => void {
  return ({ level, message, fields }) => {
    const mark = paint(level === 'error' ? 'red' : level === 'warn' ? 'yellow' : 'dim', `dormouse ${level}:`)
    const details = Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`)
    write(`${mark} ${[message, ...details].join(' ')}\n`)
  }
}

function shown(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message)
  return typeof value === 'string' && !/\s/.test(value) ? value : JSON.stringify(value)
}
