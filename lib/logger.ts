/** Structured logging: one JSON object per line on a stream, child loggers carry fields. No library: 40 lines, no start cost. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Record<string, unknown>

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger whose lines all carry these fields. */
  child(fields: LogFields): Logger
}

export interface LogRecord {
  time: string
  level: LogLevel
  message: string
  fields: LogFields
}

export interface LoggerOptions {
  level?: LogLevel
  fields?: LogFields
  /** Where records go; default: JSON lines on stderr. */
  sink?: (record: LogRecord) => void
  now?: () => Date
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = 'info', fields = {}, sink = jsonSink(process.stderr), now = () => new Date() } = options
  const write = (at: LogLevel) => (message: string, extra?: LogFields) => {
    if (RANK[at] < RANK[level]) return
    sink({ time: now().toISOString(), level: at, message, fields: { ...fields, ...extra } })
  }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (more) => createLogger({ level, sink, now, fields: { ...fields, ...more } }),
  }
}

function jsonSink(stream: { write(text: string): unknown }): (record: LogRecord) => void {
  return ({ time, level, message, fields }) =>
    void stream.write(`${JSON.stringify({ time, level, message, ...plain(fields) })}\n`)
}

/** Throws everything away; for tests and for code that must run without a logger. */
export const silentLogger: Logger = createLogger({ sink: () => undefined })

/** Errors do not survive JSON.stringify: their message, code, cause and stack do. */
function plain(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, describeError(value)]))
}

function describeError(value: unknown): unknown {
  if (!(value instanceof Error)) return value
  const { message, stack, cause } = value
  const code = 'code' in value ? value.code : undefined
  return { message, code, stack, ...(cause === undefined ? {} : { cause: describeError(cause) }) }
}
