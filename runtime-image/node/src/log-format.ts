/** Lambda's log lines. */
export type LogLevel = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL'

/** Stands for the request id outside of invocations, e.g. while the code loads. */
export const NO_REQUEST = '-'

/** One record is one line: inner newlines become carriage returns, as Lambda writes them to a plain stream. */
export function userLine(record: { time: Date; requestId: string; level: LogLevel; message: string }): string {
  const message = record.message.replace(/\r?\n/g, '\r')
  return `${record.time.toISOString()}\t${record.requestId}\t${record.level}\t${message}\n`
}

export function startLine(requestId: string, version: string): string {
  return `START RequestId: ${requestId} Version: ${version}\n`
}

export function endLine(requestId: string): string {
  return `END RequestId: ${requestId}\n`
}

/** Lambda's line for an invocation that was ended at its deadline. */
export function timeoutLine(time: Date, requestId: string, timeoutMs: number): string {
  return `${time.toISOString()} ${requestId} ${timeoutMessage(timeoutMs)}\n`
}

export function timeoutMessage(timeoutMs: number): string {
  return `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`
}
