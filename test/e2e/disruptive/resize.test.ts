import { expect } from '@jest/globals'
import { HEADER } from '../../../api/names.ts'
import type { Pod } from '../../../kube/objects.ts'
import { scenario, useBed } from '../bed.ts'
import { born } from '../births.ts'
import { json } from '../call.ts'
import { describeOnCluster } from '../environment.ts'
import { kubectlJson } from '../kubectl.ts'
import { functionOf } from '../manifests.ts'
import { millis, poolOf } from '../pods.ts'

/** What the kernel holds its pod to, whichever version of cgroups the node has. */
const SOURCE = `
  import { readFileSync } from 'node:fs'
  import { hostname } from 'node:os'
  import { setTimeout as delay } from 'node:timers/promises'
  const read = (...files) => files.flatMap((file) => { try { return readFileSync('/sys/fs/cgroup/' + file, 'utf8').trim() } catch { return [] } })[0]
  export const handler = async ({ ms = 0 }) => {
    await delay(ms)
    return { pod: hostname(), memory: read('memory.max', 'memory/memory.limit_in_bytes'), cpu: read('cpu.max', 'cpu/cpu.cfs_quota_us') }
  }`

type Amounts = Record<string, Record<string, string>>

/** Whatever else it is held to: its disk, for example. */
const holds = (has: object | undefined, wanted: Amounts): boolean =>
  Object.entries(wanted).every(([kind, amounts]) =>
    Object.entries(amounts).every(([what, amount]) => (has as Amounts | undefined)?.[kind]?.[what] === amount),
  )

interface WithResources {
  conditions?: { type: string; reason?: string; message?: string }[]
  containerStatuses?: { restartCount: number; resources?: object }[]
}

describeOnCluster('a pod of a pool, claimed by a function with other resources', () => {
  const bed = useBed('resize')

  const statusOf = async (name: string) => ((await bed.pods(name))[0]?.status ?? {}) as WithResources
  const pendingOf = ({ conditions = [] }: WithResources) => conditions.find(({ type }) => type === 'PodResizePending')

  scenario(bed, 'has them in force without a restart, and the wake-up does not wait for that', async () => {
    const resources = { limits: { cpu: '500m', memory: '192Mi' }, requests: { cpu: '20m', memory: '96Mi' } }
    await bed.deploy(functionOf('small', SOURCE, { resources }))
    // The pod that has loaded the code goes, and is not taken for one that waits.
    await bed.eventually('it sleeps', async () => (await bed.pods('small')).length === 0)
    await poolOf(bed, 1)
    const first = await bed.call('small')
    expect(first.status).toBe(200)
    expect(first.headers[HEADER.coldStart]).toEqual(expect.stringMatching(/^pod=0\.0,/))
    const { pod } = json(first)
    await bed.eventually('the kubelet has set them', async () => {
      const [container] = (await statusOf('small')).containerStatuses ?? []
      return container !== undefined && holds(container.resources, resources)
    })
    const now = json(await bed.call('small'))
    expect(now).toMatchObject({ pod, memory: String(192 * 1024 * 1024) })
    expect(['50000 100000', '50000']).toContain(now['cpu'])
    expect((await statusOf('small')).containerStatuses?.[0]?.restartCount).toBe(0)
    expect(await born(bed, 'small')).toEqual([])
  })

  scenario(bed, 'that its node cannot give it now: serves meanwhile, and has them once there is room', async () => {
    const cpu = await almostAllCpu()
    const resources = { limits: { cpu: '2', memory: '128Mi' }, requests: { cpu, memory: '64Mi' } }
    await bed.apply(functionOf('waiting', SOURCE, { resources }))
    await poolOf(bed, 1)
    await bed.kubectl('run', 'ballast', '--image=localhost/none:none', `--overrides=${ballast('300m')}`)
    await bed.kubectl('wait', '--for=condition=PodScheduled', 'pod/ballast', '--timeout=30s')
    expect((await bed.call('waiting')).status).toBe(200)
    await bed.eventually('it is put off', async () => pendingOf(await statusOf('waiting'))?.reason === 'Deferred')
    expect((await bed.call('waiting')).status).toBe(200)
    await bed.kubectl('delete', 'pod', 'ballast', '--grace-period=0', '--force')
    await bed.eventually(
      'it has them',
      async () => JSON.stringify((await statusOf('waiting')).containerStatuses?.[0]?.resources).includes(`"${cpu}"`),
      120_000,
    )
    expect((await statusOf('waiting')).containerStatuses?.[0]?.restartCount).toBe(0)
  })

  scenario(bed, 'that no node can ever give it: goes on with what it was born with, and an Event says so', async () => {
    const resources = { limits: { cpu: '64', memory: '128Mi' }, requests: { cpu: '60', memory: '64Mi' } }
    await bed.apply(functionOf('huge', SOURCE, { resources, scaling: { min: 1, max: 2 } }))
    await poolOf(bed, 1)
    const first = await bed.call('huge')
    expect(first.status).toBe(200)
    const event = await bed.eventually('an Event tells', async () => {
      const said = await bed.kubectl('get', 'events', '--field-selector=reason=ResizeRefused', '-o', MESSAGES)
      return /keeps the resources it was born with/.test(said) && said
    })
    expect(event).toMatch(/its node cannot: .*cpu/i)
    // Further pods are made with their own resources, and there is no node for that: those from before serve all.
    const before = (await bed.pods('huge')).map(({ metadata }) => metadata.name)
    expect(before).toContain(json(first)['pod'])
    const answers = await Promise.all(Array.from({ length: 3 }, () => bed.call('huge', { body: { ms: 200 } })))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    for (const answer of answers) expect(before).toContain(json(answer)['pod'])
  })
})

const MESSAGES = 'jsonpath={range .items[*]}{.message}{"\\n"}{end}'

/** A pod that takes room and runs nothing: it has an image that nobody has. */
const ballast = (cpu: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    spec: {
      containers: [{ name: 'ballast', image: 'localhost/none:none', resources: { requests: { cpu } } }],
    },
  })

/** All that nobody has asked for yet, less a little: there is room for one that asks for it, and for nothing beside it. */
async function almostAllCpu(): Promise<string> {
  const { items: nodes } = await kubectlJson<{ items: { status: { allocatable: { cpu: string } } }[] }>([
    'get',
    'nodes',
  ])
  const { items: pods } = await kubectlJson<{ items: Pod[] }>(['get', 'pods', '--all-namespaces'])
  const asked = pods.flatMap(({ spec }) => spec.containers.map(({ resources }) => millis(resources?.requests?.['cpu'])))
  const free = millis(nodes[0]?.status.allocatable.cpu) - asked.reduce((sum, cpu) => sum + cpu, 0)
  return `${free - 100}m`
}
