/** The functions controller on a real memory cluster, a fake fleet and a clock that stands still. */
import { setImmediate as turn } from 'node:timers/promises'
import type { DormouseFunction, FunctionSpec } from '../../../api/function.ts'
import { FUNCTIONS, RUNTIMES } from '../../../api/kinds.ts'
import { objectKey } from '../../../api/names.ts'
import type { Runtime } from '../../../api/runtime.ts'
import { admit } from '../../../api/validate.ts'
import { createDesiredBook } from '../../../controller/autoscaler/desired.ts'
import type { FleetPod } from '../../../controller/fleet/fleet.ts'
import { createFunctionsController } from '../../../controller/functions/functions-controller.ts'
import type { FunctionsController } from '../../../controller/functions/functions-controller.ts'
import { createServingBook } from '../../../controller/functions/serving.ts'
import type { NewObject } from '../../../kube/cluster.ts'
import { getCondition } from '../../../kube/conditions.ts'
import { createMemoryCluster } from '../../../kube/memory/memory-cluster.ts'
import type { MemoryCluster } from '../../../kube/memory/memory-cluster.ts'
import { CONTROLLER_REVISIONS, EVENTS } from '../../../kube/objects.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { createMetrics } from '../../../lib/metrics.ts'
import { newFunction } from '../../builders/kube-objects.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { FakeFleet } from '../../fakes/fake-fleet.ts'

export const NAMESPACE = 'default'

export interface World {
  clock: FakeClock
  cluster: MemoryCluster
  fleet: FakeFleet
}

/** What outlives a controller process. */
export function createWorld(): World {
  const clock = new FakeClock()
  return { clock, cluster: createMemoryCluster({ admit, now: clock.now }), fleet: new FakeFleet(clock) }
}

export interface BedOptions {
  world?: World
  verifyFirstRevision?: boolean
  verifyConcurrency?: number
  /** Name of the Runtime to create; none when empty. */
  runtime?: string
}

/** One controller process on a world. End it with `stop`. */
export async function startBed(options: BedOptions = {}): Promise<Bed> {
  const { world = createWorld(), runtime = 'node' } = options
  if (runtime !== '' && !(await world.cluster.get(RUNTIMES, { name: runtime }))) await createRuntime(world, runtime)
  const bed = new Bed(world, options)
  running.add(bed)
  await bed.controller.start()
  return bed
}

const running = new Set<Bed>()

/** For `afterEach`: stops whatever a test started. */
export async function endBeds(): Promise<void> {
  for (const bed of running) await bed.stop()
}

const ref = (name: string) => ({ namespace: NAMESPACE, name })
const keyOf = (name: string) => objectKey(NAMESPACE, name)

export class Bed {
  readonly world: World
  readonly clock: FakeClock
  readonly cluster: MemoryCluster
  readonly fleet: FakeFleet
  readonly serving = createServingBook()
  readonly desired = createDesiredBook()
  readonly controller: FunctionsController
  readonly #caches

  constructor(world: World, { verifyFirstRevision = false, verifyConcurrency = 2 }: BedOptions) {
    const { cluster, clock, fleet } = world
    this.world = world
    this.clock = clock
    this.cluster = cluster
    this.fleet = fleet
    this.#caches = {
      functions: cluster.cache(FUNCTIONS),
      revisions: cluster.cache(CONTROLLER_REVISIONS),
      runtimes: cluster.cache(RUNTIMES),
    }
    this.controller = createFunctionsController({
      cluster,
      ...this.#caches,
      fleet,
      serving: this.serving,
      desired: this.desired,
      config: { verifyFirstRevision, verifyConcurrency },
      clock,
      logger: silentLogger,
      metrics: createMetrics(),
    })
  }

  /** Until nothing moves any more. */
  async settle(): Promise<void> {
    for (let round = 0; round < 60; round += 1) await turn()
    await this.cluster.settled()
  }

  /** Moves the clock in steps in which everything settles. */
  async pass(ms: number, stepMs = 1_000): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left))
      await this.settle()
    }
  }

  async create(name: string, spec: Partial<FunctionSpec> = {}): Promise<void> {
    await this.cluster.create(FUNCTIONS, newFunction(ref(name), spec))
    await this.settle()
  }

  async change(name: string, spec: object): Promise<void> {
    await this.cluster.patch(FUNCTIONS, ref(name), { spec })
    await this.settle()
  }

  /** New code under the same name. */
  async code(name: string, text: string): Promise<void> {
    await this.change(name, { code: { inline: { 'index.mjs': text } } })
  }

  async remove(name: string): Promise<void> {
    await this.cluster.delete(FUNCTIONS, ref(name))
    await this.settle()
  }

  async get(name: string): Promise<DormouseFunction> {
    const found = await this.cluster.get(FUNCTIONS, ref(name))
    if (!found) throw new Error(`expected Function ${name} to be there`)
    return found
  }

  /** `True Asleep` */
  async condition(name: string, type: string): Promise<string | undefined> {
    const condition = getCondition((await this.get(name)).status?.conditions, type)
    return condition && `${condition.status} ${condition.reason}`
  }

  async message(name: string, type: string): Promise<string | undefined> {
    return getCondition((await this.get(name)).status?.conditions, type)?.message
  }

  async events(): Promise<string[]> {
    return (await this.cluster.list(EVENTS)).map(({ reason, message }) => `${reason}: ${message}`)
  }

  /** Code of the revision that takes traffic. */
  servedCode(name: string): string | undefined {
    return this.serving.get(keyOf(name))?.template?.files['index.mjs']
  }

  servedRevision(name: string): string | undefined {
    return this.serving.get(keyOf(name))?.template?.revision
  }

  ready(name: string, revision = this.servedRevision(name)): FleetPod[] {
    return this.fleet.pods(keyOf(name)).filter((pod) => pod.phase === 'ready' && pod.revision === revision)
  }

  /** Starts asked of the fleet so far. */
  starts(): number {
    return this.fleet.history.filter((line) => line.startsWith('start ')).length
  }

  async stop(): Promise<void> {
    running.delete(this)
    await this.controller.stop()
    Object.values(this.#caches).forEach((cache) => cache.stop())
  }
}

export async function createRuntime({ cluster }: World, name: string): Promise<void> {
  const runtime: NewObject<Runtime> = {
    apiVersion: 'dormouse.dev/v1alpha1',
    kind: 'Runtime',
    metadata: { name },
    spec: { image: 'local/node', pool: { size: 0 } },
  }
  await cluster.create(RUNTIMES, runtime)
}
