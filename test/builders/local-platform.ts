/** The whole platform in the test's process, on free ports and a state directory that goes with it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LABEL } from '../../api/names.ts'
import type { Condition, KubeObject } from '../../api/object.ts'
import { createApiClient } from '../../cli/client/api-client.ts'
import { waitForRollout, type RolloutEnd } from '../../cli/rollout/wait-for-rollout.ts'
import type { Pod } from '../../kube/objects.ts'
import { silentLogger, type Logger } from '../../lib/logger.ts'
import { startLocal, type LocalOptions, type LocalPlatform } from '../../local/platform.ts'

type Passed = 'kafka' | 'initTimeoutMs' | 'limits' | 'controllerVia' | 'clock'

export interface PlatformOptions extends Partial<Pick<LocalOptions, Passed>> {
  /** Applied, and waited for until they are ready or have failed. */
  manifests?: readonly object[]
  poolSize?: number
  verifyFirstRevision?: boolean
  /** Kept at the end when given; otherwise one of its own. */
  stateDir?: string
  logger?: Logger
}

export interface TestPlatform {
  publicUrl: string
  internalUrl: string
  managementUrl: string
  local: LocalPlatform
  client: ReturnType<typeof createApiClient>
  /** Applies and waits; `Kind name` → how it ended. */
  apply(...manifests: object[]): Promise<Map<string, RolloutEnd>>
  get<T extends KubeObject>(plural: string, name: string): Promise<T>
  condition(plural: string, name: string, type?: string): Promise<Condition | undefined>
  /** POST of JSON to a function of namespace default. */
  invoke(name: string, event?: unknown, headers?: Record<string, string>): Promise<Response>
  /** Pods of one function, or all that wait in pools. */
  pods(functionName?: string): Promise<Pod[]>
  stop(): Promise<void>
}

export async function startPlatform(options: PlatformOptions = {}): Promise<TestPlatform> {
  const { manifests = [], poolSize = 2, verifyFirstRevision = true, logger = silentLogger, ...passed } = options
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'dormouse-state-'))
  const local = await startLocal({
    ...passed,
    stateDir,
    ports: { public: 0, internal: 0, management: 0 },
    poolSize,
    verifyFirstRevision,
    hostEnvironment: process.env,
    version: 'test',
    logger,
  })
  const client = createApiClient(local.urls.management)
  const platform: TestPlatform = {
    publicUrl: local.urls.public,
    internalUrl: local.urls.internal,
    managementUrl: local.urls.management,
    local,
    client,
    apply: (...objects) => applyAndWait(client, objects),
    get: async <T extends KubeObject>(plural: string, name: string) => (await client.get({ plural, name })) as T,
    async condition(plural, name, type = 'Ready') {
      const { status } = (await client.get({ plural, name })) as KubeObject & { status?: { conditions?: Condition[] } }
      return status?.conditions?.find((condition) => condition.type === type)
    },
    invoke: (name, event = {}, headers = {}) =>
      fetch(`${local.urls.internal}/fn/default/${name}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(event),
      }),
    async pods(functionName) {
      const pods = (await client.list({ plural: 'pods' })) as Pod[]
      return pods.filter(({ metadata }) => metadata.labels?.[LABEL.function] === functionName)
    },
    async stop() {
      await local.stop(1_000)
      if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true })
    },
  }
  if (manifests.length > 0) await platform.apply(...manifests)
  return platform
}

async function applyAndWait(client: TestPlatform['client'], objects: object[]): Promise<Map<string, RolloutEnd>> {
  const results = await client.apply(objects)
  const refused = results.find(({ outcome }) => outcome === 'refused')
  if (refused !== undefined) throw new Error(refused.message)
  const ends = new Map<string, RolloutEnd>()
  for (const { kind, name, namespace, generation = 1 } of results.filter((result) => result.kind !== 'Runtime')) {
    const plural = kind === 'Function' ? 'functions' : 'triggers'
    const target = { plural, name, generation, ...(namespace === undefined ? {} : { namespace }) }
    const signal = new AbortController().signal
    ends.set(`${kind} ${name}`, await waitForRollout({ client, target, timeoutMs: 60_000, signal }))
  }
  return ends
}

/** A Function of runtime node; `files` or the text of index.mjs. */
export function functionManifest(name: string, files: string | Record<string, string>, spec: object = {}): object {
  const inline = typeof files === 'string' ? { 'index.mjs': files } : files
  return {
    apiVersion: 'dormouse.dev/v1alpha1',
    kind: 'Function',
    metadata: { name },
    spec: { runtime: 'node', code: { inline }, ...spec },
  }
}

export function triggerManifest(name: string, functionName: string, http: object = {}): object {
  const metadata = { name }
  return { apiVersion: 'dormouse.dev/v1alpha1', kind: 'Trigger', metadata, spec: { function: functionName, http } }
}
