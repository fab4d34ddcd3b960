/** Functions with pods of their own in local mode: what a process can be given works, what it cannot says so in one sentence. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { LABEL } from '../../../api/names.ts'
import { eventually, until } from '../../builders/eventually.ts'
import { functionManifest, startPlatform, type TestPlatform } from '../../builders/local-platform.ts'

let platform: TestPlatform
afterEach(() => platform.stop())

const GUARANTEED = { resources: { limits: { cpu: '1', memory: '64Mi' }, requests: { cpu: '1', memory: '64Mi' } } }
const ANSWER = 'export const handler = () => "own"'

test('a function that no pod of a pool can become is served by pods of its own, and its pool stays empty', async () => {
  platform = await startPlatform({ manifests: [functionManifest('exact', ANSWER, GUARANTEED)] })

  expect(await (await platform.invoke('exact')).json()).toBe('own')

  const pods = await platform.pods('exact')
  expect(pods.map(({ metadata }) => metadata.labels?.[LABEL.own])).toContain('runtime')
  expect(await platform.pods()).toEqual([])
})

test('one request starts one pod of its own, not one per moment that it waits', async () => {
  platform = await startPlatform({
    manifests: [functionManifest('exact', ANSWER, GUARANTEED)],
    verifyFirstRevision: false,
  })

  const answers = await Promise.all([platform.invoke('exact'), platform.invoke('exact')])

  expect(answers.map(({ status }) => status)).toEqual([200, 200])
  expect((await platform.pods('exact')).length).toBeLessThanOrEqual(2)
})

describe('a function with much memory', () => {
  const code = `import v8 from 'node:v8'
    export const handler = () => ({ heap: v8.getHeapStatistics().heap_size_limit / 2 ** 20, options: process.env.NODE_OPTIONS })`
  const large = (memory: string) => functionManifest('large', code, { resources: { limits: { memory } } })
  const labelsOf = async (name?: string) => (await platform.pods(name)).map(({ metadata }) => metadata.labels ?? {})

  test.each([
    ['of a pool of that size', '1Gi', { [LABEL.memory]: '1024' }],
    ['of its own where no pool has that size', '1000Mi', { [LABEL.own]: 'runtime' }],
  ])('has pods %s whose heap can use it, and its own programs are not told of it', async (_, memory, labels) => {
    platform = await startPlatform({ manifests: [large(memory)] })
    const answer = await (await platform.invoke('large')).json()
    const { heap, options } = answer as { heap: number; options?: string }
    expect(options).toBeUndefined()
    expect(heap).toBeGreaterThan(800)
    expect(heap).toBeLessThan(1000)
    expect(await labelsOf('large')).toContainEqual(expect.objectContaining(labels))
  })

  test('has one pod of its size waiting, however many of others wait, and none once it asks for less', async () => {
    platform = await startPlatform({ poolSize: 2, manifests: [large('512Mi'), functionManifest('small', code)] })
    const waiting = async () => (await labelsOf()).map((labels) => labels[LABEL.memory] ?? 'common').sort()
    await eventually('both pools are full', async () => String(await waiting()) === '512,common,common')
    await platform.client.apply([large('256Mi')])
    await eventually('its pool is gone', async () => String(await waiting()) === 'common,common')
  })
})

test('a pod of its own that is killed is replaced by another', async () => {
  platform = await startPlatform({
    manifests: [functionManifest('exact', ANSWER, { ...GUARANTEED, scaling: { min: 1 } })],
  })
  await until(async () => (await platform.pods('exact')).length === 1)
  const [before] = await platform.pods('exact')

  process.kill(platform.local.kubelet.pidOf(before!.metadata.uid)!, 'SIGKILL')

  await until(async () => {
    const pods = await platform.pods('exact')
    return pods.some(({ metadata, status }) => metadata.uid !== before!.metadata.uid && status?.phase === 'Running')
  })
  expect((await platform.invoke('exact')).status).toBe(200)
})

test.each([
  [
    'a secret',
    functionManifest('wants', ANSWER, { env: [{ name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }),
    'env S: local mode has no Secrets',
  ],
  [
    'a service account',
    functionManifest('wants', ANSWER, { serviceAccountName: 'robot' }),
    'local mode has no service accounts',
  ],
  [
    'an image',
    {
      apiVersion: 'dormouse.dev/v1alpha1',
      kind: 'Function',
      metadata: { name: 'wants' },
      spec: { image: 'example/web:1', signature: 'http' },
    },
    'image "example/web:1" cannot run in local mode',
  ],
])('%s is refused in the condition and to who calls', async (_, manifest, sentence) => {
  platform = await startPlatform()
  await platform.client.apply([manifest])

  await until(async () => (await platform.condition('functions', 'wants'))?.reason === 'StartFailed')
  expect((await platform.condition('functions', 'wants'))?.message).toContain(sentence)
  const answer = await platform.invoke('wants')
  expect(answer.status).toBe(503)
  expect(await answer.text()).toContain(JSON.stringify(sentence).slice(1, -1))
})

test('where there is one machine, what is said of nodes is taken and keeps no function from running', async () => {
  const placed = { nodeSelector: { 'kubernetes.io/arch': 'arm64' }, tolerations: [{ key: 'gpu', operator: 'Exists' }] }
  platform = await startPlatform({ manifests: [functionManifest('placed', ANSWER, placed)] })

  expect(await (await platform.invoke('placed')).json()).toBe('own')
  expect((await platform.pods('placed')).map(({ spec }) => spec.nodeSelector)).toContainEqual(placed.nodeSelector)
})
