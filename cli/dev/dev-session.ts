/**
 * Keeps a running instance at what a set of folders says: applies what changed, deletes what is gone, tells how each change went.
 * A mistake in a manifest or in code leaves what was there before and is told with its place.
 */
import { basename, join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FUNCTIONS } from '../../api/kinds.ts'
import { DEFAULT_NAMESPACE, objectKey } from '../../api/names.ts'
import type { ApplyResult } from '../../local/api/apply.ts'
import type { ApiClient } from '../client/api-client.ts'
import { CliError, describeMistake } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import { kindNamed } from '../kinds.ts'
import { loadManifests, type LoadedManifests } from '../manifests/load-manifests.ts'
import { waitForRollout, type RolloutEnd } from '../rollout/wait-for-rollout.ts'
import { manifestId, planChanges, type AppliedManifest, type FolderChanges } from './plan-changes.ts'
import { errorText } from '../../lib/error-text.ts'

export interface DevSessionOptions {
  /** Files and folders, as the user named them. */
  sources: readonly string[]
  cwd: string
  client: ApiClient
  /** The user's Ctrl-C. */
  signal: AbortSignal
  report: SessionReport
}

/** How the session speaks; see session-report.ts. */
export interface SessionReport {
  mistake(text: string): void
  /** There were mistakes; there are none any more, and nothing had to be applied. */
  repaired(): void
  removed(name: string): void
  refused(name: string, message: string): void
  /** `pathOf`: a file of the object's code, as the user knows it. */
  rollout(name: string, end: RolloutEnd, about: { tookMs: number; pathOf: (file: string) => string }): void
  problem(text: string): void
}

interface Synced {
  rolledOut: Promise<void>
  refused: number
}

const ROLLOUT_TIMEOUT_MS = 60_000
/** Editors empty a file, or move it away, before they write it anew: what is gone for less than this was being saved. */
const REMOVAL_GRACE_MS = 500

export class DevSession {
  readonly #options: DevSessionOptions
  readonly #ended = new AbortController()
  #last: Promise<unknown> = Promise.resolve()
  #wrong = false
  /** Mistakes, and the manifests they were in. */
  #told = ''
  #applied = new Map<string, AppliedManifest>()
  /** Waits that a newer change of the same object makes pointless. */
  readonly #waits = new Map<string, AbortController>()
  /** Object id → what its code was packed from. */
  #codePaths = new Map<string, string>()

  constructor(options: DevSessionOptions) {
    this.#options = options
  }

  /** Whether nothing is described by the folders. */
  get isEmpty(): boolean {
    return this.#applied.size === 0 && !this.#wrong
  }

  /** Files and folders that code was packed from, absolute. */
  get codePaths(): readonly string[] {
    return [...this.#codePaths.values()]
  }

  /**
   * Reads everything anew and applies the differences. Settles when they are applied; `rolledOut` when they serve or have failed.
   * Called meanwhile it begins after that. `changedAtMs`: performance.now() of the change that led to it.
   */
  sync(changedAtMs = performance.now()): Promise<Synced> {
    const synced = this.#last.then(() => this.#sync(changedAtMs))
    this.#last = synced.catch(() => undefined)
    return synced
  }

  async #sync(changedAtMs: number): Promise<Synced> {
    const { client, report } = this.#options
    const wasWrong = this.#wrong
    const { loaded, changes } = await this.#read()
    const { apply, remove, applied } = changes
    this.#tellMistakes(loaded)
    if (wasWrong && !this.#wrong && apply.length + remove.length === 0) report.repaired()
    this.#codePaths = new Map(
      loaded.manifests.flatMap((entry) => (entry.codePath === undefined ? [] : [[manifestId(entry), entry.codePath]])),
    )
    for (const gone of remove) await this.#remove(gone)
    const results = apply.length === 0 ? [] : await client.apply(apply.map(({ written }) => written))
    this.#applied = applied
    const refused = results.filter(({ outcome }) => outcome === 'refused')
    refused.forEach((result) => report.refused(nameOf(result), result.message ?? ''))
    const waits = results.filter(isRolledOut).map((result) => this.#follow(result, changedAtMs))
    return { rolledOut: Promise.all(waits).then(() => undefined), refused: refused.length }
  }

  /** Ends all waiting, silently: the instance is about to stop. */
  end(): void {
    this.#ended.abort()
  }

  /** Once for each save: other files of the folder may change all the time, and one of them be the log of this. */
  #tellMistakes({ mistakes, fingerprint }: LoadedManifests): void {
    const texts = mistakes.map(describeMistake)
    const all = [fingerprint, ...texts].join('\n')
    if (all !== this.#told) texts.forEach((text) => this.#options.report.mistake(text))
    this.#told = all
  }

  /** What the folders say and what follows from it; looks twice before anything is taken for removed. */
  async #read(): Promise<{ loaded: LoadedManifests; changes: FolderChanges }> {
    const first = await this.#readOnce()
    if (first.changes.remove.length === 0) return first
    await delay(REMOVAL_GRACE_MS, undefined, { signal: this.#signal })
    return this.#readOnce()
  }

  async #readOnce(): Promise<{ loaded: LoadedManifests; changes: FolderChanges }> {
    const { sources, cwd } = this.#options
    this.#wrong = true
    const loaded = await loadManifests({ sources, cwd, readStdin: async () => Buffer.alloc(0) })
    this.#wrong = loaded.mistakes.length > 0
    return { loaded, changes: planChanges(loaded, this.#applied) }
  }

  get #signal(): AbortSignal {
    return AbortSignal.any([this.#options.signal, this.#ended.signal])
  }

  async #remove({ kind, name, namespace }: AppliedManifest): Promise<void> {
    const { client, report } = this.#options
    try {
      await client.delete({ plural: kindNamed(kind).plural, name, namespace: namespace ?? DEFAULT_NAMESPACE })
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.notFound) throw error
    }
    report.removed(`${kind.toLowerCase()}/${name}`)
  }

  async #follow(result: ApplyResult, changedAtMs: number): Promise<void> {
    const { client, report } = this.#options
    const signal = this.#signal
    const { kind, name, namespace, generation = 1 } = result
    const id = `${kind} ${objectKey(namespace ?? DEFAULT_NAMESPACE, name)}`
    this.#waits.get(id)?.abort()
    const superseded = new AbortController()
    this.#waits.set(id, superseded)
    const target = {
      plural: kindNamed(kind).plural,
      name,
      generation,
      ...(namespace === undefined ? {} : { namespace }),
    }
    try {
      const end = await waitForRollout({
        client,
        target,
        timeoutMs: ROLLOUT_TIMEOUT_MS,
        signal: AbortSignal.any([signal, superseded.signal]),
      })
      const about = { tookMs: performance.now() - changedAtMs, pathOf: (file: string) => this.#pathOf(id, file) }
      if (!superseded.signal.aborted) report.rollout(nameOf(result), end, about)
    } catch (error) {
      if (signal.aborted || superseded.signal.aborted) return
      report.problem(errorText(error))
    }
  }

  #pathOf(id: string, file: string): string {
    const root = this.#codePaths.get(id)
    if (root === undefined) return file
    return relative(this.#options.cwd, basename(root) === file ? root : join(root, file))
  }
}

/** Functions are named alone: they are what one works on. */
function nameOf({ kind, name }: ApplyResult): string {
  return kind === FUNCTIONS.kind ? name : `${kind.toLowerCase()}/${name}`
}

function isRolledOut({ kind, outcome }: ApplyResult): boolean {
  return kind !== 'Runtime' && outcome !== 'refused'
}
