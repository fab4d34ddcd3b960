/**
 * Gets the code that Functions only refer to: reads ConfigMaps, fetches archives, stores what is too large for a revision, and says in the book
 * how that stands. Owns trying again; promises that what could be had once is not forgotten because it cannot be had now, but for a ConfigMap
 * that is gone. Leaves what follows from it to functions/. Only the leader does any of it.
 */
import { isDeepStrictEqual } from 'node:util'
import type { DormouseFunction } from '../../api/function.ts'
import { keyOf, splitKey, type ObjectKey } from '../../api/names.ts'
import type { KubeObject } from '../../api/object.ts'
import type { Cache, Cluster } from '../../kube/cluster.ts'
import { createControlLoop, done, requeueAfter } from '../../kube/control-loop.ts'
import type { ControlLoop, ControlLoopMetrics, Outcome } from '../../kube/control-loop.ts'
import { CONFIG_MAP_METADATA, CONFIG_MAPS } from '../../kube/objects.ts'
import { backoffMs } from '../../lib/backoff.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { whileLeading, type Leadership } from '../leadership.ts'
import type { Code, CodeBook, CodeState } from './code-book.ts'
import type { CodeOwner } from './code-parts.ts'
import { sourceIdentity, sourceOf, type CodeSource } from './code-source.ts'
import type { CodeStore } from './code-store.ts'
import { configMapCode, fitsInline } from './config-map-code.ts'
import type { ArchiveFetcher } from './fetch-archive.ts'
import { CodeError, codeFiles, digestOf, packCode } from './packed-code.ts'
import { unpackArchive } from './unpack-archive.ts'
import { errorText } from '../../lib/error-text.ts'

export interface CodeControllerOptions {
  cluster: Pick<Cluster, 'get' | 'cache'>
  functions: Cache<DormouseFunction>
  book: CodeBook
  store: CodeStore
  fetcher: ArchiveFetcher
  /** Whether ConfigMaps may be read at all. */
  readsConfigMaps: boolean
  /** Said of one that is not there, as a clause. */
  missingConfigMap: string
  clock: Clock
  logger: Logger
  /** Default: it leads. */
  leadership?: Pick<Leadership, 'leads'>
  loopMetrics?: (loop: string) => ControlLoopMetrics
}

export interface CodeController {
  start(): void
  stop(): Promise<void>
}

const BACKOFF = { firstMs: 1_000, longestMs: 300_000 }
/** Of either; of each archive all is in memory for a moment. */
const AT_ONCE = 3

export function createCodeController(options: CodeControllerOptions): CodeController {
  return new FetchingCode(options)
}

class FetchingCode implements CodeController {
  readonly #options: CodeControllerOptions
  /** Two, because a host that stalls holds a worker for a minute: ConfigMaps must not wait for it. */
  readonly #loops: Record<CodeSource['kind'], ControlLoop>
  readonly #failures = new Map<ObjectKey, number>()
  /** Of the ConfigMap that was read last. */
  readonly #versions = new Map<ObjectKey, string>()
  /** Opened when the first Function refers to a ConfigMap: who uses none pays for none. */
  #configMaps: Cache<KubeObject> | undefined
  #unsubscribe: () => void = () => undefined

  constructor(options: CodeControllerOptions) {
    this.#options = options
    this.#loops = {
      archive: this.#createLoop('code-archives', 'archive'),
      configMap: this.#createLoop('code-config-maps', 'configMap'),
    }
  }

  #createLoop(name: string, kind: CodeSource['kind']): ControlLoop {
    const { logger, clock, loopMetrics } = this.#options
    return createControlLoop({
      name,
      reconcile: whileLeading((key, signal) => this.#reconcile(key as ObjectKey, kind, signal), this.#options),
      concurrency: AT_ONCE,
      logger,
      clock,
      ...(loopMetrics && { metrics: loopMetrics(name) }),
    })
  }

  start(): void {
    const changed = (fn: DormouseFunction) => this.#functionChanged(fn)
    this.#unsubscribe = this.#options.functions.subscribe({
      added: changed,
      updated: (fn, old) => fn.metadata.generation !== old.metadata.generation && changed(fn),
      deleted: ({ metadata }) => this.#changed(keyOf(metadata), undefined),
    })
    Object.values(this.#loops).forEach((loop) => loop.start())
  }

  async stop(): Promise<void> {
    this.#unsubscribe()
    this.#configMaps?.stop()
    await Promise.all(Object.values(this.#loops).map((loop) => loop.stop()))
    await this.#options.fetcher.close()
  }

  #functionChanged(fn: DormouseFunction): void {
    this.#changed(keyOf(fn.metadata), sourceOf(fn))
  }

  #changed(key: ObjectKey, source: CodeSource | undefined): void {
    if (source === undefined && this.#options.book.get(key) === undefined) return
    this.#failures.delete(key)
    this.#versions.delete(key)
    // To forget is no work either.
    this.#loops[source?.kind ?? 'configMap'].add(key)
  }

  async #reconcile(key: ObjectKey, kind: CodeSource['kind'], signal: AbortSignal): Promise<Outcome> {
    const { book, logger } = this.#options
    const wanted = this.#wanted(key)
    if (wanted === undefined) return this.#forget(key)
    const { fn, source } = wanted
    // The other loop's now.
    if (source.kind !== kind) return done
    const { uid } = fn.metadata
    const isStale = () => !isSame(wanted, this.#wanted(key))
    const tell = (state: CodeState) => book.set(key, { uid, source: sourceIdentity(source), state })
    try {
      const code = await this.#obtain(fn, source, signal)
      if (isStale()) return done
      this.#failures.delete(key)
      if (code !== 'unchanged') tell({ kind: 'ready', code })
      return done
    } catch (error) {
      signal.throwIfAborted()
      if (isStale()) return done
      const failures = (this.#failures.get(key) ?? 0) + 1
      this.#failures.set(key, failures)
      const message = `${subject(source)}: ${errorText(error)}`
      logger.warn('code is not to be had, will be tried again', { function: key, reason: message, failures })
      if (error instanceof CodeError || !this.#isKnown(key, uid, source)) tell({ kind: 'unavailable', message })
      return requeueAfter(backoffMs(failures, BACKOFF))
    }
  }

  #wanted(key: ObjectKey): Wanted | undefined {
    const fn = this.#options.functions.get(splitKey(key))
    const source = fn && fn.metadata.deletionTimestamp === undefined ? sourceOf(fn) : undefined
    return fn && source && { fn, source }
  }

  /** An API server that is away says nothing about the ConfigMap. */
  #isKnown(key: ObjectKey, uid: string, source: CodeSource): boolean {
    const entry = this.#options.book.get(key)
    return entry?.uid === uid && entry.source === sourceIdentity(source) && entry.state.kind === 'ready'
  }

  #obtain(fn: DormouseFunction, source: CodeSource, signal: AbortSignal): Promise<Code | 'unchanged'> {
    const { namespace = '', name, uid } = fn.metadata
    const owner: CodeOwner = { namespace, name, uid }
    return source.kind === 'archive'
      ? this.#fromArchive(source, owner, signal)
      : this.#fromConfigMap(source.name, owner)
  }

  async #fromArchive(archive: { url: string; sha256: string }, owner: CodeOwner, signal: AbortSignal): Promise<Code> {
    const { store, fetcher } = this.#options
    const code: Code = { kind: 'stored', digest: archive.sha256 }
    if (await store.has(owner, archive.sha256)) return code
    const { files, modified } = await unpackArchive(await fetcher.fetch(archive, signal))
    await store.put(owner, archive.sha256, await packCode(codeFiles(files, modified)))
    return code
  }

  async #fromConfigMap(name: string, owner: CodeOwner): Promise<Code | 'unchanged'> {
    const { cluster, store, readsConfigMaps, missingConfigMap } = this.#options
    if (!readsConfigMaps)
      throw new CodeError('this installation reads no ConfigMaps; its operator sets functions.configMaps')
    this.#watchConfigMaps()
    const key = keyOf(owner)
    const configMap = await cluster.get(CONFIG_MAPS, { namespace: owner.namespace, name })
    if (configMap === undefined) {
      this.#versions.delete(key)
      throw new CodeError(missingConfigMap)
    }
    const version = versionOf(configMap)
    if (this.#versions.get(key) === version) return 'unchanged'
    const files = configMapCode(configMap)
    if (fitsInline(files)) {
      this.#versions.set(key, version)
      return { kind: 'inline', files: files.files }
    }
    const digest = digestOf(files)
    if (!(await store.has(owner, digest))) await store.put(owner, digest, await packCode(files))
    this.#versions.set(key, version)
    return { kind: 'stored', digest }
  }

  #watchConfigMaps(): void {
    if (this.#configMaps !== undefined) return
    this.#configMaps = this.#options.cluster.cache(CONFIG_MAP_METADATA)
    const changed = (configMap: KubeObject) => this.#configMapChanged(configMap)
    this.#configMaps.subscribe({ added: changed, updated: changed, deleted: changed })
  }

  #configMapChanged({ metadata: { namespace = '', name } }: KubeObject): void {
    for (const fn of this.#options.functions.list({ namespace })) {
      const source = sourceOf(fn)
      if (source?.kind === 'configMap' && source.name === name) this.#loops.configMap.add(keyOf(fn.metadata))
    }
  }

  #forget(key: ObjectKey): Outcome {
    this.#failures.delete(key)
    this.#versions.delete(key)
    this.#options.book.set(key, undefined)
    return done
  }
}

interface Wanted {
  fn: DormouseFunction
  source: CodeSource
}

/** While an archive came, the Function may have turned to another source, of which the other loop has told by now. */
function isSame(then: Wanted, now: Wanted | undefined): boolean {
  return then.fn.metadata.uid === now?.fn.metadata.uid && isDeepStrictEqual(then.source, now.source)
}

const versionOf = ({ metadata }: KubeObject) => `${metadata.uid}/${metadata.resourceVersion}`

const subject = (source: CodeSource) =>
  source.kind === 'configMap' ? `ConfigMap ${JSON.stringify(source.name)}` : `The archive at ${shownUrl(source.url)}`

/** What comes after `?` may be a key that only the Function's author should have. */
const shownUrl = (url: string) => url.replace(/\?.*$/, '?…')
