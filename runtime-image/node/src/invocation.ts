/** One accepted request: its identity, its deadline, and who answers when the platform must end it. */
import type { ErrorKind } from './answer.ts'
import type { ErrorObject } from './error-object.ts'
import type { LogScope } from './logs.ts'
import { LogTail } from './log-tail.ts'
import type { RequestHead } from './request-head.ts'

export type Fail = (kind: ErrorKind, error: ErrorObject) => void

export class Invocation implements LogScope {
  readonly id: string
  readonly head: RequestHead
  readonly deadlineMs: number
  readonly tail: LogTail | undefined
  /** Slot on the watchdog's board. */
  slot: number | undefined
  timer: NodeJS.Timeout | undefined
  /** The process ends with it, or begins to: its failure says so. */
  isLast = false
  /** Answers in the handler's place; does nothing once answered. */
  fail: Fail
  /** From the first byte of the answer on the watchdog must write none of its own. Calling it again is without effect. */
  answerBegins: () => void = () => undefined

  constructor(head: RequestHead, deadlineMs: number, fail: Fail) {
    this.head = head
    this.id = head.requestId ?? process.getBuiltinModule('node:crypto').randomUUID()
    this.deadlineMs = deadlineMs
    this.tail = head.wantsTail ? new LogTail() : undefined
    this.fail = fail
  }
}
