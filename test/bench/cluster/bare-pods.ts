/**
 * The floor of the platform: pods of the runtime's image that run a bare `node:http`, made by the same client at the same time, until each has said that
 * it listens and has answered one request. No Dormouse, no code to load: what this cluster needs at least.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { NewObject } from '../../../kube/cluster.ts'
import { PODS, type Pod } from '../../../kube/objects.ts'
import { eventually } from '../../builders/eventually.ts'
import { call } from '../../e2e/call.ts'
import type { BenchCluster } from './bench-cluster.ts'

/** Where pods reach this machine: test/cluster/env.sh has it as LC_NODE_IP. */
const NODE_ADDRESS = process.env['LC_NODE_IP'] ?? '10.89.0.1'
const PORT = 8080
const LIMIT_MS = 60_000
const NON_ROOT = 65_532

/** Answers, and says so to whoever made it. */
const program = (home: string): string => `
  const http = require('node:http')
  http.createServer((request, answer) => answer.end('{}')).listen(${PORT}, () =>
    http.request('${home}/' + process.env.NAME + '/' + process.env.IP, { method: 'POST' }).end())`

/** Milliseconds until each has answered; all are created at once. */
export async function barePodsMs(bed: BenchCluster, count: number): Promise<number[]> {
  const image = await bed.runtimeImage()
  const homes = new Map<string, (ip: string) => void>()
  const server = await openHome(homes)
  const { port } = server.address() as AddressInfo
  const names = Array.from({ length: count }, () => `bare-${randomBytes(4).toString('hex')}`)
  const startMs = async (name: string) => {
    const startedAt = performance.now()
    const { promise: home, resolve } = Promise.withResolvers<string>()
    homes.set(name, resolve)
    const source = program(`http://${NODE_ADDRESS}:${port}`)
    await bed.api.create(PODS, barePod({ name, namespace: bed.namespace, image, source }))
    const limit = setTimeout(() => resolve(''), LIMIT_MS)
    const address = await home
    clearTimeout(limit)
    if (address === '') throw new Error(`the bare pod ${name} did not call within ${LIMIT_MS / 1000} s`)
    await call(`http://${address}:${PORT}/`)
    return performance.now() - startedAt
  }
  try {
    return await Promise.all(names.map(startMs))
  } finally {
    server.close()
    await remove(bed, names)
  }
}

async function openHome(homes: ReadonlyMap<string, (ip: string) => void>): Promise<Server> {
  const server = createServer((request, answer) => {
    const [, name = '', ip = ''] = (request.url ?? '').split('/')
    homes.get(name)?.(ip)
    answer.end()
  })
  server.listen(0, NODE_ADDRESS)
  await once(server, 'listening')
  return server
}

async function remove({ api, namespace }: BenchCluster, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => api.delete(PODS, { namespace, name }, { gracePeriodSeconds: 0 })))
  const left = async () => (await api.list(PODS, { namespace })).some(({ metadata }) => names.includes(metadata.name))
  await eventually('the bare pods are gone', async () => !(await left()), { withinMs: LIMIT_MS, everyMs: 250 })
}

interface BarePod {
  name: string
  namespace: string
  image: string
  source: string
}

function barePod({ name, namespace, image, source }: BarePod): NewObject<Pod> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      restartPolicy: 'Never',
      enableServiceLinks: false,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: NON_ROOT, runAsGroup: NON_ROOT },
      containers: [
        {
          name: 'bare',
          image,
          command: ['/usr/bin/node', '-e', source],
          env: [
            { name: 'NAME', value: name },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          ],
        },
      ],
    },
  }
}
