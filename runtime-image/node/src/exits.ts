/**
 * The ways in which user code ends the process: exit, kill, abort, uncaught exceptions and rejections. Callers are answered first.
 * Exit codes are those of Lambda's runtime client.
 */
import { END_SIGNALS } from './end-signals.ts'
import { platformError, thrownObject, type ErrorObject } from './error-object.ts'
import { errorRecord, type ErrorRecord } from './error-record.ts'
import type { Logs } from './logs.ts'

const UNCAUGHT_EXIT_CODE = 129
const UNHANDLED_REJECTION_EXIT_CODE = 128

export interface ExitPorts {
  logs: Logs
  codeDir: () => string
  /** Answers everybody who waits: running invocations, or the specialize request. `object` depends on the request id. */
  failAll: (objectFor: (requestId: string) => ErrorObject) => void
  /** No new work from now on. */
  stopAdmitting: () => void
  /** Nothing is left but user code's own shut-down. */
  isEnding: () => boolean
  /** Ends the process once the answers are out. */
  abandon: (exitCode: number) => void
}

export function guardExits(process: NodeJS.Process, ports: ExitPorts): void {
  const exit = process.exit.bind(process)
  const kill = process.kill.bind(process)
  const abort = process.abort.bind(process)
  process.exit = (code) => {
    failWith(ports, exitReason(code ?? process.exitCode ?? 0))
    return exit(code)
  }
  process.kill = (pid, signal) => {
    // A listener that has cleaned up sends its signal on, and means the end: nobody else would come of ours.
    if (pid === process.pid && ports.isEnding() && END_SIGNALS.includes(String(signal ?? 'SIGTERM'))) return exit(0)
    if (pid === process.pid && isDeadly(process, signal)) failWith(ports, `signal: ${signal ?? 'SIGTERM'}`)
    return kill(pid, signal)
  }
  process.abort = () => {
    failWith(ports, 'signal: SIGABRT')
    return abort()
  }
  process.on('uncaughtException', (error) => {
    const object = thrownObject(ports.codeDir(), error)
    const record = errorRecord(ports.codeDir(), error)
    end(ports, { log: 'Uncaught Exception', record, object, exitCode: UNCAUGHT_EXIT_CODE })
  })
  process.on('unhandledRejection', (reason) => {
    const object = rejectionOf(thrownObject(ports.codeDir(), reason))
    const record = { ...errorRecord(ports.codeDir(), reason), ...object }
    end(ports, { log: 'Unhandled Promise Rejection', record, object, exitCode: UNHANDLED_REJECTION_EXIT_CODE })
  })
}

function exitReason(code: unknown): string | undefined {
  return Number(code) === 0 ? undefined : `exit status ${String(code)}`
}

function failWith(ports: ExitPorts, reason: string | undefined): void {
  ports.stopAdmitting()
  const message =
    reason === undefined ? 'Runtime exited without providing a reason' : `Runtime exited with error: ${reason}`
  ports.failAll((requestId) => platformError('Runtime.ExitError', `RequestId: ${requestId} Error: ${message}`))
}

/** Signals with a listener do not end the process: ours for SIGTERM and SIGINT let running work finish. */
function isDeadly(process: NodeJS.Process, signal: string | number | undefined): boolean {
  if (signal === 0) return false
  const name = signal ?? 'SIGTERM'
  if (['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH', 'SIGUSR1'].includes(String(name))) return false
  return process.listenerCount(String(name)) === 0
}

function rejectionOf(reason: ErrorObject): ErrorObject {
  return {
    errorType: 'Runtime.UnhandledPromiseRejection',
    errorMessage: `${reason.errorType}: ${reason.errorMessage}`,
    trace: reason.trace,
  }
}

interface Failure {
  log: string
  record: ErrorRecord
  object: ErrorObject
  exitCode: number
}

function end(ports: ExitPorts, failure: Failure): void {
  ports.stopAdmitting()
  ports.logs.log('ERROR', `${failure.log} \t${JSON.stringify(failure.record)}`)
  ports.failAll(() => failure.object)
  ports.abandon(failure.exitCode)
}
