import { expect } from '@jest/globals'
import type { Pod } from '../../kube/objects.ts'
import { scenario, useBed } from './bed.ts'
import { born } from './births.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { functionOf } from './manifests.ts'

/** Tells what its pod was given. */
const SOURCE = `
  import { existsSync } from 'node:fs'
  import { hostname } from 'node:os'
  import { setTimeout as delay } from 'node:timers/promises'
  export const handler = async ({ ms = 0 }) => {
    await delay(ms)
    const hasToken = existsSync('/var/run/secrets/kubernetes.io/serviceaccount/token')
    return { pod: hostname(), secret: process.env.TOKEN, hasToken }
  }`
const SECRET_ENV = [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } }]

describeOnCluster('a function that cannot take pods of a pool', () => {
  const bed = useBed('own')

  scenario(
    bed,
    'with a Secret: the kubelet resolves it, one pod is made for a wake-up, and no pool is kept',
    async () => {
      await bed.kubectl('create', 'secret', 'generic', 'keys', '--from-literal=token=s3cret')
      await bed.deploy(
        functionOf('secretive', SOURCE, { env: SECRET_ENV, concurrency: 4, scaling: { idleAfter: '8s' } }),
      )
      const asleep = () => bed.eventually('it sleeps', async () => (await bed.pods('secretive')).length === 0, 60_000)
      await asleep()
      const before = await born(bed, 'secretive')
      const first = json(await bed.call('secretive'))
      expect(first).toMatchObject({ secret: 's3cret', hasToken: false })
      expect(json(await bed.call('secretive'))).toEqual(first)
      await asleep()
      expect((await born(bed, 'secretive')).length - before.length).toBe(1)
      expect(await born(bed, 'node')).toEqual([])
    },
  )

  scenario(bed, 'with a service account: its pods run as it, with its token', async () => {
    await bed.kubectl('create', 'serviceaccount', 'reader')
    await bed.deploy(functionOf('reading', SOURCE, { serviceAccountName: 'reader' }))
    expect(json(await bed.call('reading'))['hasToken']).toBe(true)
    const [pod] = await bed.pods('reading')
    expect(pod?.spec.serviceAccountName).toBe('reader')
  })

  scenario(bed, 'in a burst: as many pods as it may have, and not one more', async () => {
    await bed.deploy(functionOf('burst', SOURCE, { env: SECRET_ENV, scaling: { max: 3, idleAfter: '1m' } }))
    const before = await born(bed, 'burst')
    const answers = await Promise.all(Array.from({ length: 9 }, () => bed.call('burst', { body: { ms: 300 } })))
    expect(answers.map(({ status, text }) => (status === 200 ? 200 : text))).toEqual(answers.map(() => 200))
    const pods = (await bed.list<Pod>('pods', 'dormouse.dev/function=burst')).map(({ metadata }) => metadata.name)
    const made = (await born(bed, 'burst')).filter((name) => !before.includes(name))
    expect(made.length).toBeLessThanOrEqual(3)
    expect(pods).toEqual(expect.arrayContaining(made))
  })

  scenario(bed, 'whose Secret is missing: says so, and serves once it is there', async () => {
    const env = [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'later', key: 'token' } } }]
    await bed.apply(functionOf('early', SOURCE, { env }))
    const refused = await bed.firstCall('early')
    expect([refused.status, refused.text]).toEqual([503, expect.stringMatching(/secret \\?"later\\?" not found/)])
    await bed.kubectl('wait', '--for=condition=Ready=false', '--timeout=60s', 'functions.dormouse.dev/early')
    await bed.kubectl('create', 'secret', 'generic', 'later', '--from-literal=token=late')
    const answer = await bed.eventually(
      'it serves',
      async () => {
        const came = await bed.call('early')
        return came.status === 200 && came
      },
      90_000,
    )
    expect(json(answer)['secret']).toBe('late')
  })
})
