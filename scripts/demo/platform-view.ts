/** What the demo reads from a running instance, and waits for. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ApiClient } from '../../cli/client/api-client.ts'
import { waitForRollout, type RolloutEnd } from '../../cli/rollout/wait-for-rollout.ts'
import { LABEL } from '../../api/names.ts'
import type { Pod } from '../../kube/objects.ts'

/** A step took longer than it may, or came out wrong: the demo has failed. */
export class DemoError extends Error {
  override readonly name = 'DemoError'
  readonly code = 'demo-failed'
}

export interface PodCounts {
  /** Claimed by this function, or by any. */
  ofFunctions: number
  /** Ready and waiting for a function. */
  pooled: number
}

export async function countPods(client: ApiClient, functionName?: string): Promise<PodCounts> {
  const pods = (await client.list({ plural: 'pods' })) as Pod[]
  const label = (pod: Pod) => pod.metadata.labels?.[LABEL.function]
  return {
    ofFunctions: pods.filter((pod) =>
      functionName === undefined ? label(pod) !== undefined : label(pod) === functionName,
    ).length,
    pooled: pods.filter((pod) => label(pod) === undefined && isReady(pod)).length,
  }
}

const isReady = ({ metadata, status }: Pod) =>
  metadata.deletionTimestamp === undefined &&
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true

/** Throws DemoError when it does not come true within `limitMs`. */
export async function until(what: string, limitMs: number, probe: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await probe())) {
    if (performance.now() > deadline) throw new DemoError(`expected ${what} within ${limitMs / 1000} s`)
    await delay(20)
  }
}

/** Applies manifests as they are written and waits for the Functions and Triggers among them. */
export async function applyAll(client: ApiClient, manifests: readonly object[]): Promise<Map<string, RolloutEnd>> {
  const results = await client.apply(manifests)
  const refused = results.find(({ outcome }) => outcome === 'refused')
  if (refused !== undefined)
    throw new DemoError(`${refused.kind} ${refused.name} was refused: ${refused.message ?? ''}`)
  const ends = new Map<string, RolloutEnd>()
  await Promise.all(
    results
      .filter(({ kind }) => kind !== 'Runtime')
      .map(async ({ kind, name, namespace = 'default', generation = 1 }) => {
        const plural = kind === 'Function' ? 'functions' : 'triggers'
        const target = { plural, name, namespace, generation }
        const signal = new AbortController().signal
        ends.set(`${kind} ${name}`, await waitForRollout({ client, target, timeoutMs: 20_000, signal }))
      }),
  )
  return ends
}
