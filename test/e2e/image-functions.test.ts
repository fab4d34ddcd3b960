import { beforeAll, expect } from '@jest/globals'
import { API_VERSION, HEADER } from '../../api/names.ts'
import { scenario, useBed } from './bed.ts'
import { born } from './births.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { loadImage, SERVER } from './image.ts'
import { whileCalling } from './load.ts'
import type { Manifest } from './manifests.ts'
import { isReady } from './pods.ts'

describeOnCluster('a function that is an image of its own', () => {
  const bed = useBed('images')
  let image = ''
  beforeAll(async () => {
    image = await loadImage('server', SERVER)
  }, 120_000)

  const imageFunction = (name: string, spec: object = {}): Manifest => ({
    apiVersion: API_VERSION,
    kind: 'Function',
    metadata: { name },
    spec: { image, signature: 'http', ...spec },
  })
  const asleep = (name: string) =>
    bed.eventually(`no pod of ${name} is left`, async () => (await bed.pods(name)).length === 0, 60_000)

  scenario(bed, 'is woken by a request, serves the next ones warm, sleeps: with one pod for each time', async () => {
    await bed.deploy(imageFunction('shop', { scaling: { idleAfter: '3s' } }))
    await asleep('shop')
    const before = await born(bed, 'shop')

    const first = await bed.call('shop', { path: '/cart?x=1', method: 'GET' })
    expect([first.status, json(first)]).toEqual([200, expect.objectContaining({ path: '/cart?x=1', method: 'GET' })])
    expect(first.headers[HEADER.coldStart]).toBeDefined()
    const pods = await Promise.all(Array.from({ length: 20 }, async () => json(await bed.call('shop'))['pod']))
    expect(new Set(pods)).toEqual(new Set([json(first)['pod']]))
    await asleep('shop')

    const again = await bed.call('shop')
    expect([again.status, json(again)['pod']]).not.toEqual([200, json(first)['pod']])
    expect((await born(bed, 'shop')).length - before.length).toBe(2)
    expect(await born(bed, 'node')).toEqual([])
  })

  scenario(bed, 'gets as many pods as a burst needs, and not one more', async () => {
    await bed.deploy(imageFunction('busy', { concurrency: 2, scaling: { max: 3, idleAfter: '1m' } }))
    const before = await born(bed, 'busy')
    const answers = await Promise.all(Array.from({ length: 12 }, () => bed.call('busy', { path: '/slow' })))
    expect(answers.map(({ status, text }) => (status === 200 ? 200 : text))).toEqual(answers.map(() => 200))
    expect((await born(bed, 'busy')).length - before.length).toBeLessThanOrEqual(3)
    // What came for the burst is what there is a while later.
    const pods = (await bed.pods('busy')).map(({ metadata }) => metadata.name)
    await bed.call('busy')
    expect((await born(bed, 'busy')).filter((name) => !before.includes(name)).sort()).toEqual(pods.sort())
  })

  scenario(bed, 'has what its environment takes from Secrets', async () => {
    await bed.kubectl('create', 'secret', 'generic', 'keys', '--from-literal=token=s3cret')
    const env = [
      { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
      { name: 'PLAIN', value: 'seen' },
    ]
    await bed.deploy(imageFunction('secretive', { env }))
    expect(json(await bed.call('secretive', { path: '/?tell=TOKEN' }))['TOKEN']).toBe('s3cret')
    expect(json(await bed.call('secretive', { path: '/?tell=PLAIN' }))['PLAIN']).toBe('seen')
  })

  scenario(bed, 'that changes is rolled out: what serves goes on until the new one is up', async () => {
    await bed.deploy(imageFunction('moving', { env: [{ name: 'STAGE', value: 'one' }], scaling: { min: 1 } }))
    const stage = async () => json(await bed.call('moving', { path: '/?tell=STAGE' }))['STAGE']
    expect(await stage()).toBe('one')
    await bed.apply(imageFunction('moving', { env: [{ name: 'STAGE', value: 'two' }], scaling: { min: 1 } }))
    await bed.eventually(
      'the new one serves',
      async () => {
        const said = await stage()
        expect(['one', 'two']).toContain(said)
        return said === 'two'
      },
      60_000,
    )
    await bed.eventually('one pod is left', async () => (await bed.pods('moving')).length === 1)
    expect((await born(bed, 'moving')).length).toBe(2)
  })

  scenario(bed, 'loses no request when it is rolled out, its pods are deleted, or it is scaled down', async () => {
    const spec = { concurrency: 4, scaling: { min: 2, max: 3 } }
    const staged = (value: string, scaling: object) =>
      imageFunction('steady', { ...spec, scaling, env: [{ name: 'STAGE', value }] })
    await bed.deploy(staged('one', spec.scaling))
    await bed.eventually('two pods serve', async () => (await bed.pods('steady')).filter(isReady).length === 2, 60_000)
    const failures = await whileCalling(
      () => bed.call('steady'),
      { workers: 4 },
      async (load) => {
        await load.more(100)
        const [first] = await bed.pods('steady')
        await bed.kubectl('delete', 'pod', first?.metadata.name ?? '', '--wait=false')
        await load.more(200)
        await bed.deploy(staged('two', spec.scaling))
        await load.more(200)
        await bed.deploy(staged('two', { min: 1, max: 1 }))
        await bed.eventually('one is left', async () => (await bed.pods('steady')).length === 1, 60_000)
        await load.more(100)
      },
    )
    expect(failures).toEqual([])
  })
})
