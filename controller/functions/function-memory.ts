/**
 * What the controller remembers of one Function between reconciles: fates of revisions, failed starts, pods it saw. All of it may be lost:
 * fates that matter are on ControllerRevisions and in the status, the rest is learned again.
 */
import { isDeepStrictEqual } from 'node:util'
import { ANNOTATION, type ObjectKey } from '../../api/names.ts'
import type { DormouseFunction } from '../../api/function.ts'
import type { Code } from '../code/code-book.ts'
import type { ControllerRevision } from '../../kube/objects.ts'
import { backoffMs } from '../../lib/backoff.ts'
import type { FleetPod, RevisionTemplate } from '../fleet/fleet.ts'
import type { Fate } from './fate.ts'
import { datedTemplate, parseRevision } from './revision-record.ts'
import type { StoredRevision } from './revision-record.ts'
import { templateOf } from './template.ts'

/** Starts of a revision that went wrong for other reasons than its code, and when to try again. */
export interface StartFailure {
  /** start: no pod came up. ended: one did and ended right after. */
  kind: 'start' | 'ended'
  attempts: number
  message: string
  atMs: number
  retryAtMs: number
}

const BACKOFF = { firstMs: 500, longestMs: 60_000 }
/** Trouble this long ago is another trouble. */
const FORGET_AFTER_MS = 180_000
/** A pod that ends sooner after it was ready counts as a failed start: it would be replaced in a loop. */
const YOUNG_MS = 10_000

/** The wait doubles with each failure in a row: 0.5 s, 1 s, … 60 s. */
export function nextFailure(
  previous: StartFailure | undefined,
  { kind, message, nowMs }: Pick<StartFailure, 'kind' | 'message'> & { nowMs: number },
): StartFailure {
  const isSameTrouble = previous !== undefined && nowMs - previous.atMs < FORGET_AFTER_MS
  const attempts = isSameTrouble ? previous.attempts + 1 : 1
  return { kind, attempts, message, atMs: nowMs, retryAtMs: nowMs + backoffMs(attempts, BACKOFF) }
}

export class FunctionMemory {
  readonly key: ObjectKey
  readonly uid: string
  readonly fates = new Map<string, Fate>()
  readonly failures = new Map<string, StartFailure>()
  /** Revisions that were seen stored. */
  readonly stored = new Set<string>()
  /** Since when a status waits to be written. */
  heldSinceMs: number | undefined
  /** Pods last seen ready, by uid; those we retired ourselves are taken out. */
  readonly #ready = new Map<string, { revision: string; readyAtMs: number }>()
  /** Hashing and parsing 256 KiB of code takes milliseconds, and a wake-up is reconciled several times: done once per change. */
  #target: { asked: object; template: RevisionTemplate } | undefined
  #dated: RevisionTemplate | undefined
  #wanted: { revision: string; patientUntilMs: number } | undefined
  readonly #parsed = new WeakMap<ControllerRevision, StoredRevision | 'unreadable'>()

  constructor(key: ObjectKey, uid: string) {
    this.key = key
    this.uid = uid
  }

  /** Throws RangeError when the spec holds values its schema would have refused. */
  targetOf(fn: DormouseFunction, code?: Code): RevisionTemplate {
    const { generation, annotations } = fn.metadata
    const restart = annotations?.[ANNOTATION.restart]
    const asked = { generation, restart, code }
    if (generation !== undefined && this.#target && isDeepStrictEqual(this.#target.asked, asked))
      return this.#target.template
    const template = templateOf(fn, code)
    this.#target = { asked, template }
    return template
  }

  /** With the time that is stored with it, or is to be. */
  dated(target: RevisionTemplate, stored: readonly StoredRevision[], wallMs: number): RevisionTemplate {
    const known = stored.find(({ template }) => template.revision === target.revision)
    if (known !== undefined) return known.template
    if (this.#dated?.revision !== target.revision) this.#dated = datedTemplate(target, wallMs)
    return this.#dated
  }

  /** How long its turn to be loaded is waited for, as it was when this process first saw that the spec asks for this revision. */
  patientUntilMs(revision: string, untilMs: number): number {
    if (this.#wanted?.revision !== revision) this.#wanted = { revision, patientUntilMs: untilMs }
    return this.#wanted.patientUntilMs
  }

  /** Undefined for what this version cannot read. */
  storedOf(revision: ControllerRevision): StoredRevision | undefined {
    const parsed = this.#parsed.get(revision) ?? parseRevision(revision) ?? 'unreadable'
    this.#parsed.set(revision, parsed)
    return parsed === 'unreadable' ? undefined : parsed
  }

  fail(revision: string, failure: Pick<StartFailure, 'kind' | 'message'> & { nowMs: number }): void {
    this.failures.set(revision, nextFailure(this.failures.get(revision), failure))
  }

  /** A pod of it loaded. That pods end young is not cured by one more that starts. */
  started(revision: string): void {
    this.fates.set(revision, { kind: 'loads' })
    if (this.failures.get(revision)?.kind === 'start') this.failures.delete(revision)
  }

  /** A revision with a ready pod loads; one whose pods end right after they were ready has a failed start to its name. */
  see(pods: readonly FleetPod[], nowMs: number): void {
    const alive = new Set(pods.filter(({ phase }) => phase === 'ready').map(({ uid }) => uid))
    for (const [uid, { revision, readyAtMs }] of this.#ready) {
      if (alive.has(uid)) continue
      this.#ready.delete(uid)
      const why = pods.find((pod) => pod.uid === uid)?.ended
      const aliveMs = nowMs - readyAtMs
      const message = `the last one did after ${(aliveMs / 1_000).toFixed(1)} s${why === undefined ? '' : `: ${why}`}`
      if (aliveMs < YOUNG_MS) this.fail(revision, { kind: 'ended', message, nowMs })
    }
    for (const { uid, phase, revision, readyAtMs = nowMs } of pods) {
      if (phase !== 'ready') continue
      if (!this.#ready.has(uid)) this.started(revision)
      this.#ready.set(uid, { revision, readyAtMs })
    }
  }

  retired(uid: string): void {
    this.#ready.delete(uid)
  }

  /** Drops what is known of revisions that no longer matter. */
  keepOnly(revisions: ReadonlySet<string>): void {
    for (const known of [this.fates, this.failures, this.stored])
      for (const revision of known.keys()) if (!revisions.has(revision)) known.delete(revision)
  }
}
