/** One function under load: pods rise, a new revision takes over, a broken one is refused, nobody sees an error, pods go. */
import { setTimeout as delay } from 'node:timers/promises'
import { API_VERSION } from '../../api/names.ts'
import type { DemoInstance } from './instance.ts'
import { startLoad, type Load } from './load.ts'
import { applyAll, countPods, DemoError, until } from './platform-view.ts'

const NAME = 'demo-load'
const CALLERS = 16
const TICK_MS = 500

const codeOf = (revision: string) => `const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
export const handler = async () => {
  await sleep(25)
  return '${revision}'
}
`
const BROKEN = `export const handler = async () => {
  return 'three'
`

export function loadManifest(code: string): object {
  return {
    apiVersion: API_VERSION,
    kind: 'Function',
    metadata: { name: NAME },
    spec: {
      runtime: 'node',
      concurrency: 4,
      scaling: { max: 6, idleAfter: '1s' },
      code: { inline: { 'index.mjs': code } },
    },
  }
}

export const FIRST_REVISION = codeOf('one')

export interface LoadStory {
  answered: number
  mostPods: number
  rolloutMs: number
  refusal: string
  asleepMs: number
  p50Ms: number
  p99Ms: number
}

export interface Telling {
  /** Rewrites one line. */
  progress(text: string): void
  line(text: string): void
}

export async function tellLoadStory(instance: DemoInstance, telling: Telling): Promise<LoadStory> {
  const load = startLoad(`${instance.urls.internal}/fn/default/${NAME}`, CALLERS)
  const watch = new LoadWatch(instance, load, telling)
  const underLoad = await whileLoaded({ instance, load, watch, telling }).finally(() => load.stop())
  check(load, watch.mostPods)
  const stoppedAt = performance.now()
  await until('all pods of functions gone', 20_000, async () => {
    const pods = (await countPods(instance.client)).ofFunctions
    telling.progress(`nobody calls any more  pods ${pods}`)
    return pods === 0
  })
  const { p50Ms, p99Ms, mostPods } = watch
  return { ...underLoad, answered: load.answered, mostPods, asleepMs: performance.now() - stoppedAt, p50Ms, p99Ms }
}

interface UnderLoad {
  instance: DemoInstance
  load: Load
  watch: LoadWatch
  telling: Telling
}

async function whileLoaded({
  instance,
  load,
  watch,
  telling,
}: UnderLoad): Promise<Pick<LoadStory, 'rolloutMs' | 'refusal'>> {
  await watch.run(2_000)
  const rolloutMs = await watch.during('rolling out a new revision', () => rollOut(instance, load))
  telling.line(`new revision took over after ${Math.round(rolloutMs)} ms, ${load.failures.length} requests failed`)
  const refusal = await watch.during('applying a revision that does not load', () => refuse(instance))
  telling.line(`broken revision refused: ${refusal}`)
  await watch.run(1_000)
  return { rolloutMs, refusal }
}

async function rollOut(instance: DemoInstance, load: Load): Promise<number> {
  const startedAt = performance.now()
  const end = (await applyAll(instance.client, [loadManifest(codeOf('two'))])).get(`Function ${NAME}`)
  if (end?.kind !== 'ready') throw new DemoError(`the new revision is not ready: ${JSON.stringify(end)}`)
  await until('answers of the new revision', 5_000, async () => load.last === '"two"')
  return performance.now() - startedAt
}

async function refuse(instance: DemoInstance): Promise<string> {
  const end = (await applyAll(instance.client, [loadManifest(BROKEN)])).get(`Function ${NAME}`)
  if (end?.kind !== 'failed') throw new DemoError(`the broken revision was not refused: ${JSON.stringify(end)}`)
  if (!/index\.mjs:\d+/.test(end.message)) throw new DemoError(`the refusal names no line: ${end.message}`)
  return end.message
}

function check({ failures, answers }: Load, mostPods: number): void {
  if (failures.length > 0)
    throw new DemoError(`${failures.length} requests failed under load, the first: ${failures[0]}`)
  const strange = [...answers.keys()].find((answer) => answer !== '"one"' && answer !== '"two"')
  if (strange !== undefined) throw new DemoError(`an answer came from neither revision: ${strange}`)
  if (!answers.has('"one"') || !answers.has('"two"')) throw new DemoError('expected answers of both revisions')
  if (mostPods < 2) throw new DemoError(`expected pods to rise under load, there was never more than ${mostPods}`)
}

class LoadWatch {
  mostPods = 0
  p50Ms = 0
  p99Ms = 0
  readonly #instance: DemoInstance
  readonly #load: Load
  readonly #telling: Telling

  constructor(instance: DemoInstance, load: Load, telling: Telling) {
    this.#instance = instance
    this.#load = load
    this.#telling = telling
  }

  async run(durationMs: number): Promise<void> {
    for (let left = durationMs; left > 0; left -= TICK_MS) {
      await delay(TICK_MS)
      await this.#tick('')
    }
  }

  /** Goes on showing the load while something else is done. */
  async during<T>(what: string, act: () => Promise<T>): Promise<T> {
    let done = false
    const acting = act().finally(() => (done = true))
    while (!done) {
      await Promise.race([acting.catch(() => undefined), delay(TICK_MS)])
      await this.#tick(what)
    }
    return acting
  }

  async #tick(what: string): Promise<void> {
    const pods = (await countPods(this.#instance.client, NAME)).ofFunctions
    this.mostPods = Math.max(this.mostPods, pods)
    const { ratePerSecond, p50Ms, p99Ms } = this.#load.window()
    if (what === '') [this.p50Ms, this.p99Ms] = [p50Ms, p99Ms]
    const numbers = `${Math.round(ratePerSecond)}/s  p50 ${p50Ms.toFixed(1)} ms  p99 ${p99Ms.toFixed(1)} ms`
    const { failures } = this.#load
    this.#telling.progress(`${numbers}  pods ${pods}  failed ${failures.length}${what === '' ? '' : `  (${what})`}`)
  }
}
