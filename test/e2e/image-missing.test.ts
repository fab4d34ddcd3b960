import { expect } from '@jest/globals'
import { API_VERSION } from '../../api/names.ts'
import { scenario, useBed } from './bed.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { loadImage, SERVER } from './image.ts'
import type { Manifest } from './manifests.ts'

/** No registry is called so: the kubelet is refused at once. */
const MISSING = 'localhost/e2e-nothing:none'

describeOnCluster('while the image of a function is missing', () => {
  const bed = useBed('image-missing')

  const imageFunction = (image: string): Manifest => ({
    apiVersion: API_VERSION,
    kind: 'Function',
    metadata: { name: 'shop' },
    spec: { image, signature: 'http' },
  })

  scenario(
    bed,
    'its condition and who waits for it are told which and why; with one that is there it serves',
    async () => {
      await bed.apply(imageFunction(MISSING))
      const waiting = await bed.firstCall('shop')
      expect(waiting.status).toBe(503)
      expect(json(waiting)).toMatchObject({ code: 'cannot-wake', detail: expect.stringContaining(MISSING) })
      expect(waiting.headers['retry-after']).toMatch(/^\d+$/)

      await bed.kubectl('wait', '--for=condition=Ready=false', '--timeout=30s', 'functions.dormouse.dev/shop')
      const said = await bed.kubectl('get', 'functions.dormouse.dev', 'shop', '-o', `jsonpath=${MESSAGE}`)
      expect(said).toMatch(/its image localhost\/e2e-nothing:none cannot be pulled: .*(connection refused|not found)/i)

      await bed.apply(imageFunction(await loadImage('server', SERVER)))
      await bed.kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'functions.dormouse.dev/shop')
      expect((await bed.call('shop')).status).toBe(200)
    },
  )

  scenario(bed, 'a change to one that is missing leaves the one that serves alone', async () => {
    const image = await loadImage('server', SERVER)
    await bed.deploy(imageFunction(image))
    expect((await bed.call('shop')).status).toBe(200)
    await bed.apply(imageFunction(MISSING))
    await bed.eventually('it says why', async () =>
      (await bed.kubectl('get', 'functions.dormouse.dev', 'shop', '-o', `jsonpath=${MESSAGE}`)).includes(MISSING),
    )
    for (let calls = 0; calls < 10; calls += 1) expect((await bed.call('shop')).status).toBe(200)
  })
})

const MESSAGE = '{.status.conditions[?(@.type=="Ready")].message}'
