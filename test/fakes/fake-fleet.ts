import { setImmediate as turn } from 'node:timers/promises'
import type { ObjectKey } from '../../api/names.ts'
import { objectKey } from '../../api/names.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Fleet, FleetPod, RevisionTemplate, StartedPod } from '../../controller/fleet/fleet.ts'
import { CodeLoadError, PodStartError } from '../../controller/fleet/fleet.ts'

interface Running {
  pod: FleetPod
  fail: (error: PodStartError) => void
}

/** A fleet without pods behind it: starts take a few turns of the event loop, or as long as `beforeReady` says. */
export class FakeFleet implements Fleet {
  /** Called for each start once its pod is `starting`; throws what the start should throw. */
  beforeReady: (template: RevisionTemplate) => Promise<void> | void = () => undefined
  /** Every start and retirement in order: `start web@a1`, `ready …`, `retire …`. */
  readonly history: string[] = []
  readonly #clock: Pick<Clock, 'now'>
  readonly #pods = new Map<string, Running>()
  readonly #pending: string[] = []
  readonly #listeners = new Set<(key: ObjectKey) => void>()
  readonly #startFailures = new Set<(template: RevisionTemplate, error: unknown) => void>()
  #born = 0

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  pods(key: ObjectKey): FleetPod[] {
    return [...this.#pods.values()].map(({ pod }) => ({ ...pod })).filter((pod) => pod.function === key)
  }

  pendingStarts(key: ObjectKey, revision: string): number {
    return this.#pending.filter((start) => start === `${key}@${revision}`).length
  }

  async start(template: RevisionTemplate): Promise<StartedPod> {
    const key = objectKey(template.function.namespace, template.function.name)
    const start = `${key}@${template.revision}`
    this.#pending.push(start)
    this.history.push(`start ${start}`)
    await turn()
    this.#pending.splice(this.#pending.indexOf(start), 1)
    const stopped = Promise.withResolvers<never>()
    stopped.promise.catch(() => undefined)
    const pod = this.#birth(key, template)
    this.#pods.set(pod.uid, { pod, fail: stopped.reject })
    this.#tell(key)
    try {
      await Promise.race([this.beforeReady(template), stopped.promise])
    } catch (error) {
      this.#remove(pod)
      this.#startFailures.forEach((listener) => listener(template, error))
      throw error
    }
    if (pod.phase === 'leaving') throw new PodStartError('stopped', 'retired while it started')
    Object.assign(pod, { phase: 'ready', readyAtMs: this.#clock.now() })
    this.history.push(`ready ${start}`)
    this.#tell(key)
    return { pod: { ...pod }, source: 'new', podMs: 1, specializeMs: 1, initMs: 1 }
  }

  onStartFailed(listener: (template: RevisionTemplate, error: unknown) => void): () => void {
    this.#startFailures.add(listener)
    return () => this.#startFailures.delete(listener)
  }

  labelled(): Promise<void> {
    return Promise.resolve()
  }

  retire(podUid: string, reason: string): void {
    const running = this.#pods.get(podUid)
    if (!running || running.pod.phase === 'leaving') return
    const { pod, fail } = running
    this.history.push(`retire ${pod.function}@${pod.revision}: ${reason}`)
    pod.phase = 'leaving'
    fail(new PodStartError('stopped', 'retired while it started'))
    this.#tell(pod.function)
    void turn().then(() => this.#remove(pod))
  }

  /** The pod ends by itself. */
  die(podUid: string): void {
    const running = this.#pods.get(podUid)
    if (running) this.#remove(running.pod)
  }

  onChange(listener: (key: ObjectKey) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Pods that are not leaving, as `revision:phase`, sorted. */
  shape(key: ObjectKey): string[] {
    return this.pods(key)
      .filter(({ phase }) => phase !== 'leaving')
      .map(({ revision, phase }) => `${revision}:${phase}`)
      .sort()
  }

  #birth(key: ObjectKey, { revision, function: { namespace } }: RevisionTemplate): FleetPod {
    this.#born += 1
    const nowMs = this.#clock.now()
    const uid = `pod-${this.#born}`
    return {
      uid,
      name: uid,
      namespace,
      function: key,
      revision,
      phase: 'starting',
      createdAtMs: nowMs,
      claimedAtMs: nowMs,
    }
  }

  #remove(pod: FleetPod): void {
    if (this.#pods.delete(pod.uid)) this.#tell(pod.function)
  }

  #tell(key: ObjectKey): void {
    this.#listeners.forEach((listener) => listener(key))
  }
}

/** What a start of code with a syntax error throws. */
export function codeLoadError(file = 'index.mjs', line = 3): CodeLoadError {
  return new CodeLoadError({
    errorType: 'SyntaxError',
    errorMessage: "Unexpected token '}'",
    trace: [`file:///code/${file}:${line}:7`, "SyntaxError: Unexpected token '}'"],
  })
}
