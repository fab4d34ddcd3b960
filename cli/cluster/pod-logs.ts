/**
 * What the pods of a Function wrote, from the API's pod logs: of all of them by time, then, when followed, of each as it comes, pods that are
 * born meanwhile too. A pod that is gone takes its lines with it: whoever needs them longer collects them.
 */
import { functionContainer, functionContainerStatus } from '../../api/function-container.ts'
import { LABEL } from '../../api/names.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { monotonicClock } from '../../lib/clock.ts'
import { pause } from '../../lib/pause.ts'
import type { RawApi } from '../../kube/client-node/raw-api.ts'
import { CliError } from '../cli-error.ts'
import type { LogEntry, LogQuery } from '../client/api-client.ts'
import { readLines } from '../client/read-lines.ts'
import { EXIT } from '../exit-codes.ts'
import { mergeLines, parseStampedLine, type StampedLine } from './log-merge.ts'
import { statusMessage } from './refusal.ts'
import { PLATFORM_PODS, type PlatformPod } from './platform-kinds.ts'
import { createValueStream, type ValueStream } from './value-stream.ts'

const DEFAULT_TAIL = 200

export interface PodLogsOptions {
  api: RawApi
  cluster: Cluster
}

/** Throws ClusterError, CliError. */
export async function* podLogs(
  { api, cluster }: PodLogsOptions,
  { namespace, name, tail = DEFAULT_TAIL, follow = false }: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const scope = { namespace, labels: { [LABEL.function]: name } }
  const pods = (await cluster.list(PLATFORM_PODS, scope)).filter(hasStarted)
  const read = pods.map((pod) => readLog(api, pod, { tail, signal }))
  // A follower must know the last line of each, printed or not.
  const logs = await Promise.all(read)
  yield* mergeLines(logs, tail).map(entryOf)
  if (!follow || signal.aborted) return
  const stream = createValueStream<LogEntry>(signal)
  const follower = new Follower({ api, stream, signal })
  pods.forEach((pod, index) => follower.seen(pod, logs[index]?.at(-1)?.at))
  const cache = cluster.cache(PLATFORM_PODS, scope)
  cache.synced.catch(() => undefined)
  const look = (pod: PlatformPod) => follower.look(pod)
  cache.subscribe({ added: look, updated: look, deleted: (pod) => follower.forget(pod) })
  try {
    yield* stream.values
  } finally {
    cache.stop()
  }
}

const entryOf = ({ pod, text }: StampedLine): LogEntry => ({ pod, stream: 'stdout', text })

/** The log API answers 400 for a container that has not. */
function hasStarted(pod: PlatformPod): boolean {
  return isRunning(pod) || stateOf(pod)?.terminated !== undefined
}

const isRunning = (pod: PlatformPod) => stateOf(pod)?.running !== undefined
const stateOf = (pod: PlatformPod) => functionContainerStatus(pod)?.state

interface Reading {
  tail: number
  signal: AbortSignal
}

async function readLog(api: RawApi, pod: PlatformPod, { tail, signal }: Reading): Promise<StampedLine[]> {
  // One line even when none is wanted: its time tells where to go on from.
  const path = logPath(pod, { tailLines: String(Math.max(tail, 1)) })
  const lines: StampedLine[] = []
  for await (const line of linesOf(await openLog(api, path, signal), pod, signal)) lines.push(line)
  return lines
}

interface FollowerOptions {
  api: RawApi
  stream: ValueStream<LogEntry>
  signal: AbortSignal
}

const AGAIN_MS = 1_000

interface Followed {
  /** As last seen. */
  pod: PlatformPod
  /** Of its last line that is known; undefined = none. */
  lastAt: string | undefined
  reading: boolean
}

/** One stream per pod, for as long as its container runs. */
class Follower {
  readonly #options: FollowerOptions
  /** By uid. */
  readonly #pods = new Map<string, Followed>()

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  seen(pod: PlatformPod, lastAt: string | undefined): void {
    this.#pods.set(pod.metadata.uid, { pod, lastAt, reading: false })
  }

  forget({ metadata: { uid } }: PlatformPod): void {
    this.#pods.delete(uid)
  }

  look(pod: PlatformPod): void {
    if (!hasStarted(pod)) return
    const { uid } = pod.metadata
    const followed = this.#pods.get(uid) ?? { pod, lastAt: undefined, reading: false }
    this.#pods.set(uid, followed)
    followed.pod = pod
    if (followed.reading) return
    followed.reading = true
    this.#follow(followed)
      .catch((error: unknown) => this.#options.stream.end(error))
      .finally(() => (followed.reading = false))
  }

  /** The API server ends a stream after an hour or so, and with its container; the next container is the pod's, too. */
  async #follow(followed: Followed): Promise<void> {
    const { signal } = this.#options
    do {
      if (!(await this.#read(followed))) return
      await pause(monotonicClock, AGAIN_MS, signal)
    } while (!signal.aborted && isRunning(followed.pod))
  }

  /** False when there is no such log any more. */
  async #read(followed: Followed): Promise<boolean> {
    const { api, stream, signal } = this.#options
    const { pod, lastAt } = followed
    const since = lastAt === undefined ? {} : { sinceTime: secondOf(lastAt) }
    const response = await openLog(api, logPath(pod, { follow: 'true', ...since }), signal)
    if (response === undefined) return false
    for await (const line of linesOf(response, pod, signal)) {
      if (followed.lastAt !== undefined && line.at <= followed.lastAt) continue
      followed.lastAt = line.at
      stream.push(entryOf(line))
      await stream.room()
    }
    return true
  }
}

/** The API takes whole seconds; what is known already is left out by its time. */
function secondOf(at: string): string {
  return new Date(Number(at.slice(0, -9)) * 1000).toISOString()
}

function logPath(pod: PlatformPod, query: Record<string, string>): string {
  const { namespace = '', name } = pod.metadata
  const container = functionContainer(pod)?.name ?? ''
  const search = new URLSearchParams({ container, timestamps: 'true', ...query })
  return `/api/v1/namespaces/${namespace}/pods/${name}/log?${search.toString()}`
}

/** Undefined for a pod, or a container, that is not there (any more). */
async function openLog(api: RawApi, path: string, signal: AbortSignal): Promise<Response | undefined> {
  const response = await api.request(path, { signal })
  if (response.ok) return response
  const text = await response.text()
  if (response.status === 404 || response.status === 400) return undefined
  const message = statusMessage(text) ?? `the API server answered ${response.status}`
  throw new CliError(EXIT.failure, `the log cannot be read: ${message}`)
}

async function* linesOf(
  response: Response | undefined,
  pod: PlatformPod,
  signal: AbortSignal,
): AsyncGenerator<StampedLine> {
  if (response === undefined) return
  for await (const line of readLines(response, signal)) {
    const parsed = parseStampedLine(pod.metadata.name, line)
    if (parsed !== undefined) yield parsed
  }
}
