/**
 * A namespace of a suite's own in the cluster of this run, and what suites do there: apply, call, look, wait. When a test fails, what the cluster
 * knew then is printed; when the suite ends the namespace goes.
 */
import { afterAll, beforeAll, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { LABEL } from '../../api/names.ts'
import type { KubeObject } from '../../api/object.ts'
import type { Pod } from '../../kube/objects.ts'
import { eventually } from '../builders/eventually.ts'
import { call, type Answer, type CallOptions } from './call.ts'
import { describeNamespace } from './diagnostics.ts'
import { e2e } from './environment.ts'
import type { Manifest } from './manifests.ts'
import { closeForwards, forwardedUrl } from './forwards.ts'
import { asList, kubectl, kubectlJson, tryKubectl } from './kubectl.ts'

export interface Bed {
  readonly namespace: string
  /** In the namespace; throws what kubectl said. */
  kubectl(...args: string[]): Promise<string>
  apply(...manifests: object[]): Promise<void>
  /** Applies Functions and waits until they are Ready. */
  deploy(...manifests: Manifest[]): Promise<void>
  /** What the API server said. Throws when it took it. */
  refusal(manifest: object): Promise<string>
  get<T extends KubeObject>(resource: string, name: string): Promise<T>
  list<T extends KubeObject>(resource: string, selector?: string): Promise<T[]>
  /** Of one function, without those that are on their way out. */
  pods(functionName: string): Promise<Pod[]>
  /** On the internal listener: `/fn/<namespace>/<name>`. */
  call(functionName: string, options?: CallOptions & { path?: string }): Promise<Answer>
  /** The same of a Function that was applied a moment ago: its answer once the gateways have heard of it. */
  firstCall(functionName: string): Promise<Answer>
  /** On the public listener. */
  visit(path: string, options?: CallOptions): Promise<Answer>
  /** A test's wait: the probe is asked again until it gives something. */
  eventually<T>(what: string, probe: () => Promise<T | undefined | false>, withinMs?: number): Promise<T>
}

const NAMESPACE_GONE_MS = 120_000
const LOOK_EVERY_MS = 100

/** For the top of a suite: `const bed = useBed('wakes')`. Its fields are there once tests run. */
export function useBed(name: string): Bed {
  const bed = createBed(`e2e-${name}-${randomBytes(3).toString('hex')}`)
  beforeAll(() => kubectl(['create', 'namespace', bed.namespace]))
  afterAll(async () => {
    closeForwards()
    addresses.clear()
    await kubectl(['delete', 'namespace', bed.namespace, '--ignore-not-found'], { timeoutMs: NAMESPACE_GONE_MS })
  }, NAMESPACE_GONE_MS)
  return bed
}

/** As jest's, but a failure comes with what the cluster knew at that time. */
export function scenario(bed: Bed, rule: string, run: () => Promise<void>): void {
  test(rule, async () => {
    try {
      await run()
    } catch (error) {
      console.error(`when "${rule}" failed:\n${await describeNamespace(bed.namespace)}`)
      throw error
    }
  })
}

function createBed(namespace: string): Bed {
  const inNamespace = (args: readonly string[]) => ['--namespace', namespace, ...args]
  const bed: Bed = {
    namespace,
    kubectl: (...args) => kubectl(inNamespace(args)),
    async apply(...manifests) {
      await kubectl(inNamespace(['apply', '-f', '-']), { input: asList(manifests) })
    },
    async deploy(...manifests) {
      await bed.apply(...manifests)
      const functions = manifests.filter(({ kind }) => kind === 'Function').map(({ metadata }) => metadata.name)
      const names = functions.map((name) => `functions.dormouse.dev/${name}`)
      if (names.length > 0) await bed.kubectl('wait', '--for=condition=Ready', '--timeout=60s', ...names)
    },
    async refusal(manifest) {
      const { code, stderr } = await tryKubectl(inNamespace(['apply', '-f', '-']), { input: JSON.stringify(manifest) })
      if (code === 0) throw new Error(`expected the API server to refuse ${JSON.stringify(manifest)}`)
      return stderr
    },
    get: (resource, name) => kubectlJson(inNamespace(['get', resource, name])),
    async list<T extends KubeObject>(resource: string, selector?: string) {
      const args = ['get', resource, ...(selector === undefined ? [] : ['--selector', selector])]
      return (await kubectlJson<{ items: T[] }>(inNamespace(args))).items
    },
    async pods(functionName) {
      const pods = await bed.list<Pod>('pods', `${LABEL.function}=${functionName}`)
      return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    },
    call: async (functionName, { path = '', ...options } = {}) =>
      call(`${await addressOf('gateway-internal')}/fn/${namespace}/${functionName}${path}`, options),
    firstCall: (functionName) =>
      bed.eventually('the gateways have heard of it', async () => {
        const answer = await bed.call(functionName)
        return answer.status !== 404 && answer
      }),
    visit: async (path, options) => call(`${await addressOf('gateway')}${path}`, options),
    eventually: (what, probe, withinMs = 30_000) => eventually(what, probe, { withinMs, everyMs: LOOK_EVERY_MS }),
  }
  return bed
}

const addresses = new Map<string, Promise<string>>()

/** Base URL of a Service of the installation: its cluster address, or a forwarded port where that does not answer. */
export function addressOf(service: string): Promise<string> {
  const { namespace, release, reachesServices } = e2e()
  const ask = async () => {
    if (!reachesServices) return forwardedUrl(`${release}-${service}`)
    const path = '{.spec.clusterIP}:{.spec.ports[0].port}'
    const name = `${release}-${service}`
    return `http://${await kubectl(['--namespace', namespace, 'get', 'service', name, '-o', `jsonpath=${path}`])}`
  }
  const known = addresses.get(service) ?? ask()
  addresses.set(service, known)
  return known
}
