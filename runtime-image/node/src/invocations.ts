/** Every accepted request from acceptance to the end of its answer: slots, deadlines, the watchdog's board, and who still waits. */
import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ErrorKind } from './answer.ts'
import { clearTimeout, nowMs, setTimeout } from './clock.ts'
import { platformError, type ErrorObject } from './error-object.ts'
import type { Invocation } from './invocation.ts'
import { timeoutMessage } from './log-format.ts'
import type { Pod } from './pod.ts'
import { socketFd } from './socket-fd.ts'
import { NO_FD } from './watchdog-board.ts'

/** setTimeout takes no more. */
const LONGEST_TIMER_MS = 2_147_483_647

export class Invocations {
  /** Answers not yet handed to the kernel whole: more than `pod.running`, as a slot is free once its answer is known. */
  readonly open = new Set<ServerResponse>()
  readonly upgraded = new Set<Duplex>()
  /** Called when the last of `open` and `upgraded` is gone. */
  onIdle: () => void = () => undefined
  /** Called after an `event` or `cloudevent` invocation was ended at its deadline. */
  onReset: () => void = () => undefined
  private readonly pod: Pod

  constructor(pod: Pod) {
    this.pod = pod
  }

  get isIdle(): boolean {
    return this.open.size === 0 && this.upgraded.size === 0
  }

  accept(invocation: Invocation, response: ServerResponse): void {
    this.open.add(response)
    response.once('close', () => {
      this.forgetFd(invocation)
      this.closed(response)
    })
    this.hold(invocation, socketFd(response.socket))
    // Every other answer is written after its slot was given back.
    if (this.pod.claim?.signature === 'http' || this.isStreaming()) this.followHead(invocation, response)
    invocation.timer = this.timer(invocation, () => this.timeOut(invocation))
  }

  /** Nothing of this answer is left to send. Calling it again is without effect. */
  closed(response: ServerResponse): void {
    if (this.open.delete(response)) this.tellIdle()
  }

  /** The deadline of an upgrade is that of its handshake: a connection that was opened may live longer. */
  acceptUpgrade(invocation: Invocation, socket: Duplex): void {
    this.upgraded.add(socket)
    // User code has the connection whole: nobody else writes to it.
    this.hold(invocation, NO_FD)
    const written = () => (socket instanceof Socket ? socket.bytesWritten : 0)
    const before = written()
    invocation.timer = this.timer(invocation, () => {
      this.unwatch(invocation)
      if (written() <= before + ACKNOWLEDGEMENT_BYTES) socket.destroy()
    })
    socket.once('close', () => {
      this.upgraded.delete(socket)
      this.release(invocation)
      this.tellIdle()
    })
  }

  /** Frees the slot. Calling it again is without effect. */
  release(invocation: Invocation): void {
    if (!this.pod.running.delete(invocation)) return
    clearTimeout(invocation.timer)
    this.unwatch(invocation)
  }

  /** The process cannot go on: everybody is told, as far as their answer has not begun. */
  failAll(kind: ErrorKind, errorFor: (invocation: Invocation) => ErrorObject): void {
    for (const invocation of [...this.pod.running]) {
      invocation.isLast = true
      invocation.fail(kind, errorFor(invocation))
    }
  }

  private hold(invocation: Invocation, fd: number): void {
    this.pod.running.add(invocation)
    invocation.slot = this.pod.board?.post({ id: invocation.id, deadlineMs: invocation.deadlineMs, fd })
  }

  /** Node makes every head of an answer with this method, also those that nobody asked for. */
  private followHead(invocation: Invocation, response: ServerResponse): void {
    const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse
    invocation.answerBegins = () => this.forgetFd(invocation)
    response.writeHead = (...args: unknown[]) => {
      invocation.answerBegins()
      return writeHead(...args)
    }
  }

  private forgetFd({ slot }: Invocation): void {
    if (slot !== undefined) this.pod.board?.forgetFd(slot)
  }

  private unwatch(invocation: Invocation): void {
    if (invocation.slot !== undefined) this.pod.board?.clear(invocation.slot)
    invocation.slot = undefined
  }

  private timer(invocation: Invocation, onDeadline: () => void): NodeJS.Timeout {
    const leftMs = Math.min(Math.max(0, invocation.deadlineMs - nowMs()), LONGEST_TIMER_MS)
    // The servers hold the loop open, except while user code's own emptiness is waited for.
    return setTimeout(onDeadline, leftMs).unref()
  }

  private timeOut(invocation: Invocation): void {
    const { claim } = this.pod
    if (claim === undefined || !this.pod.running.has(invocation)) return
    // The loop turns: however long the answer takes to be read, nothing is blocked.
    this.unwatch(invocation)
    const message = `RequestId: ${invocation.id} Error: ${timeoutMessage(claim.timeoutMs)}`
    invocation.isLast = claim.signature !== 'http'
    invocation.fail('timeout', platformError('Sandbox.Timedout', message))
    if (invocation.isLast) this.onReset()
  }

  private isStreaming(): boolean {
    const user = this.pod.loaded?.user
    return user?.kind === 'function' && user.isStreaming
  }

  private tellIdle(): void {
    if (this.isIdle) this.onIdle()
  }
}

const ACKNOWLEDGEMENT_BYTES = Buffer.byteLength('HTTP/1.1 102 Processing\r\n\r\n')
