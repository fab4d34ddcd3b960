/**
 * The end of a pod's life: no new work, what runs is finished, exit. Idle connections stay open until then: a request that is on
 * its way over one of them gets a refusal its caller can act on instead of a reset.
 */
import { nowMs, setTimeout } from './clock.ts'
import type { Invocations } from './invocations.ts'
import type { Pod } from './pod.ts'

/** How much longer than the last deadline a reset process may live before the watchdog ends it. */
const RESET_SLACK_MS = 1_000
const UPGRADE_END_MS = 1_000
/** What user code's own signal listeners may take once nothing runs any more; about what Lambda gives a runtime. */
const LAST_WORDS_MS = 500
/** How long answers may take to reach the kernel when the process is beyond repair. */
const FLUSH_MS = 250

export interface LeavingPorts {
  pod: Pod
  invocations: Invocations
  /** Tells user code that the process ends; false if it does not listen. */
  lastWords: () => boolean
  exit: (code: number) => void
}

export class Leaving {
  private readonly ports: LeavingPorts
  private hasBegun = false
  /** Nothing runs any more: what is left are the last words of user code. */
  isEnding = false
  private exitCode = 0

  constructor(ports: LeavingPorts) {
    this.ports = ports
    ports.invocations.onIdle = () => this.exitIfIdle()
    ports.invocations.onReset = () => this.reset()
  }

  /** SIGTERM, SIGINT, a reset, or the parent is gone. Exits at once when nothing runs. */
  begin(): void {
    if (this.hasBegun) return
    const { invocations, pod } = this.ports
    this.start(0)
    for (const response of invocations.open) response.shouldKeepAlive = false
    this.endUpgradesLater(pod.claim?.timeoutMs ?? 0)
  }

  /** The process is beyond repair and everybody was told: it waits only for the answers to reach the kernel. */
  abandon(exitCode: number): void {
    setTimeout(() => this.ports.exit(exitCode), FLUSH_MS)
    this.boundLastWords()
    this.start(exitCode)
  }

  private start(exitCode: number): void {
    this.hasBegun = true
    this.exitCode = exitCode
    this.ports.pod.state = 'leaving'
    this.exitIfIdle()
  }

  /** A handler outlived its deadline and may still run: the environment is not used again. */
  private reset(): void {
    const { pod } = this.ports
    const last = Math.max(nowMs(), ...[...pod.running].map((invocation) => invocation.deadlineMs))
    pod.board?.postPlatform({ id: 'reset', deadlineMs: last + RESET_SLACK_MS, fd: -1 })
    this.begin()
  }

  private exitIfIdle(): void {
    if (!this.hasBegun || this.isEnding || !this.ports.invocations.isIdle) return
    this.isEnding = true
    if (this.exitCode === 0 && this.hasLastWords()) setTimeout(() => this.ports.exit(this.exitCode), LAST_WORDS_MS)
    else this.ports.exit(this.exitCode)
  }

  private hasLastWords(): boolean {
    this.boundLastWords()
    return this.ports.lastWords()
  }

  /** Listeners of user code (signals, `uncaughtException`, `exit`) may block the loop: the watchdog ends what does not end. */
  boundLastWords(): void {
    this.ports.pod.board?.postPlatform({ id: 'leaving', deadlineMs: nowMs() + LAST_WORDS_MS, fd: -1 })
  }

  /** Upgraded connections have no end of their own; they get as long as a request could have taken. */
  private endUpgradesLater(graceMs: number): void {
    // Nothing of ours may keep the event loop from running empty: callbacks wait for that.
    setTimeout(() => {
      for (const socket of this.ports.invocations.upgraded) {
        socket.end()
        setTimeout(() => socket.destroy(), UPGRADE_END_MS).unref()
      }
    }, graceMs).unref()
  }
}
