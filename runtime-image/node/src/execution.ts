/** The life of one `event` or `cloudevent` invocation between acceptance and answer: platform log lines, report, one answer. */
import type { ServerResponse } from 'node:http'
import { answerText, answerFailure, type ErrorKind, type Headers } from './answer.ts'
import { PAYLOAD_LIMIT_BYTES } from './body.ts'
import { monotonicMs } from './clock.ts'
import { FUNCTION_VERSION } from './context.ts'
import { errorObject, platformError, thrownObject, type ErrorObject } from './error-object.ts'
import { errorRecord } from './error-record.ts'
import type { Invocation } from './invocation.ts'
import { endLine, startLine, timeoutLine } from './log-format.ts'
import type { Logs } from './logs.ts'
import { reportHeader, reportLine, type Report } from './report.ts'

export interface ExecutionPorts {
  logs: Logs
  now: () => Date
  memoryMb: number
  timeoutMs: number
  codeDir: string
  /** The first invocation's share of the cold start; undefined from the second on. */
  takeInitMs: () => number | undefined
  /** The slot is free, the invocation answered. */
  release: (invocation: Invocation) => void
}

export class Execution {
  readonly invocation: Invocation
  readonly response: ServerResponse
  isOver = false
  /** Called once, when it is over. */
  onOver: (() => void) | undefined
  private readonly ports: ExecutionPorts
  private startedAt: number | undefined

  constructor(invocation: Invocation, response: ServerResponse, ports: ExecutionPorts) {
    this.invocation = invocation
    this.response = response
    this.ports = ports
    invocation.fail = (kind, error) => this.fail(kind, error)
  }

  start(): void {
    this.ports.logs.platform(startLine(this.invocation.id, FUNCTION_VERSION), this.invocation)
    this.startedAt = monotonicMs()
  }

  /** Answers with the handler's result; `undefined` becomes what `emptyAs` says. */
  succeed(result: unknown, emptyAs: 'null' | 'no-content'): void {
    if (this.isOver) return
    if (result === undefined && emptyAs === 'no-content') {
      this.close()((headers) => answerText(this.response, { status: 204, headers }, ''))
      return
    }
    const body = marshal(result)
    if (typeof body !== 'string') {
      this.fail('unhandled', body)
      return
    }
    this.close()((report) => {
      const headers = { 'content-type': 'application/json', ...report }
      answerText(this.response, { status: 200, headers }, body)
    })
  }

  /** The handler threw, rejected or called back with an error. */
  failWith(thrown: unknown): void {
    const { codeDir } = this.ports
    this.fail('handled', thrownObject(codeDir, thrown), () => errorRecord(codeDir, thrown))
  }

  /** The handler has ended its answer and failed then: the answer is whole, and there is nobody else to tell. */
  failedAfterAnswer(thrown: unknown): void {
    this.logFailure(errorRecord(this.ports.codeDir, thrown))
  }

  /** `record`: what is logged, if it is more than what is answered. */
  fail(kind: ErrorKind, error: ErrorObject, record = (): ErrorObject => error): void {
    if (this.isOver) return
    if (kind === 'timeout') {
      this.ports.logs.platform(timeoutLine(this.ports.now(), this.invocation.id, this.ports.timeoutMs), this.invocation)
    } else {
      this.logFailure(record())
    }
    const { isLast } = this.invocation
    this.close()((headers) => answerFailure(this.response, { kind, error, isLast }, headers))
  }

  /** The request was not one: answered before anything ran, so there is nothing to log or to report. */
  reject(answer: (response: ServerResponse) => void): void {
    if (this.isOver) return
    this.isOver = true
    this.onOver?.()
    this.ports.release(this.invocation)
    answer(this.response)
  }

  /** For answers that end later than they begin. Returns the headers that tell what the invocation cost. */
  end(): Headers {
    let told: Headers = {}
    this.close()((headers) => (told = headers))
    return told
  }

  /** END and REPORT go out after the answer: they must not delay it. */
  private close(): (answer: (headers: Headers) => void) => void {
    this.isOver = true
    this.onOver?.()
    const report = this.report()
    const { invocation } = this
    const lines = this.startedAt === undefined ? '' : endLine(invocation.id) + reportLine(invocation.id, report)
    if (lines !== '') invocation.tail?.appendLines(lines)
    const headers: Headers = { 'dormouse-report': reportHeader(report) }
    if (invocation.tail !== undefined) headers['dormouse-log-result'] = invocation.tail.toBase64()
    this.ports.release(invocation)
    return (answer) => {
      answer(headers)
      if (lines !== '') this.ports.logs.platform(lines, undefined)
    }
  }

  private logFailure(error: ErrorObject): void {
    this.ports.logs.log('ERROR', `Invoke Error \t${JSON.stringify(error)}`, this.invocation)
  }

  private report(): Report {
    const initMs = this.ports.takeInitMs()
    return {
      durationMs: monotonicMs() - (this.startedAt ?? monotonicMs()),
      memoryMb: this.ports.memoryMb,
      maxMemoryMb: maxMemoryMb(),
      ...(initMs === undefined ? {} : { initMs }),
    }
  }
}

const MEMORY_AGE_MS = 50
const memory = { maxMb: 0, askedAt: -Infinity }

/** The process's peak so far, at most 50 ms old: asking the system costs as much as the rest of an invocation's bookkeeping. */
function maxMemoryMb(): number {
  const now = monotonicMs()
  if (now - memory.askedAt > MEMORY_AGE_MS) {
    memory.askedAt = now
    memory.maxMb = Math.ceil(process.resourceUsage().maxRSS / 1024)
  }
  return memory.maxMb
}

/** The JSON of a result, or why there is none. */
function marshal(result: unknown): string | ErrorObject {
  try {
    const text: string | undefined = JSON.stringify(result === undefined ? null : result)
    if (text === undefined) return notMarshalled(`a ${typeof result} is not JSON`)
    const sizeBytes = Buffer.byteLength(text)
    return sizeBytes <= PAYLOAD_LIMIT_BYTES ? text : tooLarge(sizeBytes)
  } catch (error) {
    return notMarshalled(errorObject(error).errorMessage)
  }
}

function notMarshalled(why: string): ErrorObject {
  return platformError('Runtime.MarshalError', `Unable to turn the handler's result into JSON: ${why}`)
}

function tooLarge(sizeBytes: number): ErrorObject {
  return platformError(
    'Function.ResponseSizeTooLarge',
    `Response payload size (${sizeBytes} bytes) exceeded maximum allowed payload size (${PAYLOAD_LIMIT_BYTES} bytes).`,
  )
}
