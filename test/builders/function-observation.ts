/** Observations of a Function to start from, with one thing changed per test. */
import type { DormouseFunction } from '../../api/function.ts'
import type { FleetPod, FleetPodPhase, RevisionTemplate } from '../../controller/fleet/fleet.ts'
import type { FunctionObservation } from '../../controller/functions/observe.ts'
import type { StoredRevision } from '../../controller/functions/revision-record.ts'

export const NOW_MS = Date.parse('2026-03-01T12:00:00Z')

export function template(revision: string, runtime = 'node'): RevisionTemplate {
  return {
    function: { namespace: 'default', name: 'web', uid: 'u1' },
    revision,
    runtime,
    handler: 'index.handler',
    signature: 'event',
    files: { 'index.mjs': revision },
    env: {},
    timeoutMs: 30_000,
    concurrency: 1,
    memoryMb: 128,
  }
}

export const stored = (revision: string, number = 1): StoredRevision => ({
  name: `web-${revision}`,
  number,
  template: template(revision),
})

let born = 0
export function pod(revision: string, phase: FleetPodPhase = 'ready', ageMs = 60_000): FleetPod {
  born += 1
  const atMs = NOW_MS - ageMs
  return {
    uid: `pod-${born}`,
    name: `pod-${born}`,
    namespace: 'default',
    function: 'default/web',
    revision,
    phase,
    createdAtMs: atMs,
    claimedAtMs: atMs,
    ...(phase === 'ready' && { readyAtMs: atMs }),
  }
}

export const pods = (count: number, revision: string, phase?: FleetPodPhase) =>
  Array.from({ length: count }, () => pod(revision, phase))

const FUNCTION = {
  apiVersion: 'dormouse.dev/v1alpha1',
  kind: 'Function',
  metadata: {
    name: 'web',
    namespace: 'default',
    uid: 'u1',
    resourceVersion: '1',
    generation: 2,
    creationTimestamp: '',
  },
} as DormouseFunction

/** The spec asks for r2; r1 and r2 are stored; nothing runs, nothing is known. */
export function observed(more: Partial<FunctionObservation> = {}): FunctionObservation {
  return {
    nowMs: NOW_MS,
    wallMs: NOW_MS,
    key: 'default/web',
    function: FUNCTION,
    target: template('r2'),
    scaling: { min: 0, max: 10, target: 0.7, idleAfterMs: 300_000, maxPodAgeMs: 3_600_000 },
    stored: [stored('r2', 2), stored('r1', 1)],
    runtimes: new Map([['node', 'n/1']]),
    fates: new Map(),
    failures: new Map(),
    pods: [],
    pendingStarts: () => 0,
    inFlight: new Map(),
    desired: 0,
    verifyFirstRevision: false,
    letGoAtMs: Infinity,
    ...more,
  }
}

export const loads = { kind: 'loads' } as const
export const broken = { kind: 'broken', message: 'Revision r2 does not load: SyntaxError: x', runtime: 'n/1' } as const
