/** What functions are made from besides themselves: Secrets and ConfigMaps in their environment, code in ConfigMaps and archives, changed later. */
import { expect } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { DormouseFunction } from '../../api/function.ts'
import type { Condition } from '../../api/object.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { ControllerRevision, Pod } from '../../kube/objects.ts'
import { sha256Of, zip } from '../builders/archives.ts'
import { scenario, useBed } from './bed.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { functionOf, saying } from './manifests.ts'

const require = createRequire(import.meta.url)
const LARGE = require.resolve('../fixtures/archives/large.cjs')

const SHOWING = `import { hostname } from 'node:os'
  export const handler = async () => ({ pod: hostname(), secret: process.env.SECRET, config: process.env.CONFIG, maybe: process.env.MAYBE ?? null })`

describeOnCluster('what functions are made from', () => {
  const bed = useBed('configuration')

  const secret = (name: string, value: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    stringData: { value },
  })
  const configMap = (name: string, data: Record<string, string>, binaryData: Record<string, string> = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data,
    binaryData,
  })
  const ask = async (name: string) => json(await bed.call(name))
  const condition = async (name: string, type = 'Ready'): Promise<Condition | undefined> => {
    const { status } = await bed.get<DormouseFunction>('functions.dormouse.dev', name)
    return status?.conditions?.find((known) => known.type === type)
  }
  /** The answer that does: the other gateway may hear of a new revision a moment later and answer by the old one. */
  const says = (name: string, text: string) =>
    bed.eventually(`${name} says ${text}`, async () => {
      const answer = await ask(name)
      return answer['says'] === text && answer
    })

  const ENV = [
    { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'env', key: 'value' } } },
    { name: 'CONFIG', valueFrom: { configMapKeyRef: { name: 'env', key: 'value' } } },
    { name: 'MAYBE', valueFrom: { configMapKeyRef: { name: 'missing', key: 'value', optional: true } } },
  ]

  scenario(
    bed,
    'a changed Secret or ConfigMap in env reaches pods made later; warm ones keep what they had until restarted',
    async () => {
      await bed.apply(secret('env', 'old'), configMap('env', { value: 'old' }))
      await bed.deploy(functionOf('env', SHOWING, { env: ENV, scaling: { min: 1 } }))
      const warm = await ask('env')
      expect(warm).toMatchObject({ secret: 'old', config: 'old', maybe: null })

      await bed.apply(secret('env', 'new'), configMap('env', { value: 'new' }))
      expect(await ask('env')).toEqual(warm)

      await bed.kubectl('annotate', 'functions.dormouse.dev/env', 'dormouse.dev/restart=1')
      const after = await bed.eventually('a pod with the new values', async () => {
        const answer = await ask('env')
        return answer['pod'] !== warm['pod'] && answer
      })
      expect(after).toMatchObject({ secret: 'new', config: 'new' })
    },
  )

  scenario(bed, 'the next woken pod of a sleeping function has the new value without a restart', async () => {
    await bed.apply(secret('env', 'first'), configMap('env', { value: 'first' }))
    await bed.deploy(functionOf('sleepy', SHOWING, { env: ENV, scaling: { idleAfter: '1s' } }))
    expect(await ask('sleepy')).toMatchObject({ secret: 'first', config: 'first' })
    await bed.eventually('it sleeps', async () => (await bed.pods('sleepy')).length === 0, 60_000)

    await bed.apply(secret('env', 'second'), configMap('env', { value: 'second' }))
    const woken = await bed.eventually('the new value', async () => {
      const answer = await ask('sleepy')
      return answer['secret'] === 'second' && answer
    })
    expect(woken).toMatchObject({ config: 'second' })
  })

  scenario(
    bed,
    'code in a ConfigMap is rolled out when that changes; broken or gone, the old revision serves on',
    async () => {
      await bed.apply(configMap('code', { 'index.mjs': saying('one') }, { 'b.bin': '/wA=' }))
      await bed.deploy(functionOf('mapped', '', { code: { configMap: { name: 'code' } } }))
      expect(await ask('mapped')).toMatchObject({ says: 'one' })

      await bed.apply(configMap('code', { 'index.mjs': saying('two') }))
      await says('mapped', 'two')

      await bed.apply(configMap('code', { 'index.mjs': 'export const handler = (' }))
      await bed.eventually('it is refused', async () => (await condition('mapped'))?.reason === 'CodeLoadFailed')
      expect(await ask('mapped')).toMatchObject({ says: 'two' })

      await bed.kubectl('delete', 'configmap', 'code')
      await bed.eventually('it is missed', async () => (await condition('mapped'))?.reason === 'CodeUnavailable')
      expect((await condition('mapped'))?.message).toBe(
        'ConfigMap "code": it does not exist; create it or change spec.code.',
      )
      expect(await ask('mapped')).toMatchObject({ says: 'two' })

      await bed.apply(configMap('code', { 'index.mjs': saying('three') }))
      await says('mapped', 'three')
    },
  )

  scenario(bed, 'code in an archive is fetched once, verified, and outlives its server', async () => {
    const { largeArchive } = require(LARGE) as { largeArchive: () => Buffer }
    const [large, small] = [largeArchive(), zip([{ name: 'index.mjs', content: saying('small') }])]
    await serveFiles({ 'small.zip': small, 'large.cjs': readFileSync(LARGE) })
    const at = async (path: string) => `http://${(await bed.get<Pod>('pods', 'files')).status?.podIP ?? ''}:8080${path}`
    await bed.deploy(functionOf('archived', '', archived(await at('/small.zip'), sha256Of(small))))
    expect(await ask('archived')).toMatchObject({ says: 'small' })

    await bed.apply(functionOf('archived', '', archived(await at('/small.zip'), sha256Of(large))))
    await bed.eventually('it is refused', async () => (await condition('archived'))?.reason === 'CodeUnavailable')
    expect((await condition('archived'))?.message).toContain(`what came has ${sha256Of(small)}`)
    expect(await ask('archived')).toMatchObject({ says: 'small' })

    // As large as is taken, in a pod of 128Mi.
    await bed.apply(functionOf('archived', '', archived(await at('/large'), sha256Of(large))))
    expect(await says('archived', 'large')).toMatchObject({ sizes: [4_800_000, 11_000_000] })

    await bed.kubectl('delete', 'pod', 'files', '--grace-period=0', '--force')
    await bed.eventually('it is ready', async () => (await condition('archived'))?.status === 'True')
    for (const { metadata } of await bed.pods('archived'))
      await bed.kubectl('delete', 'pod', metadata.name, '--wait=false')
    await says('archived', 'large')
    const parts = await bed.list<ControllerRevision>(
      'controllerrevisions',
      'app.kubernetes.io/managed-by=dormouse-code',
    )
    expect(parts.map(({ metadata }) => metadata.ownerReferences?.[0]?.name)).toContain('archived')
  })

  scenario(bed, 'archives are not fetched from where only the node should reach', async () => {
    await bed.apply(functionOf('curious', '', archived('http://169.254.169.254/latest/meta-data', '0'.repeat(64))))
    await bed.eventually('it is refused', async () => (await condition('curious'))?.reason === 'CodeUnavailable')
    expect((await condition('curious'))?.message).toContain('is an address that archives are not fetched from')
    expect((await bed.call('curious')).status).toBe(503)
  })

  const archived = (url: string, sha256: string) => ({ code: { archive: { url, sha256 } } })

  /** A pod that serves files, from the image that functions run on: what else there is in this cluster is not known. */
  const serveFiles = async (files: Record<string, Buffer>) => {
    const { spec: runtime } = await bed.get<Runtime>('runtimes.dormouse.dev', 'node')
    const content = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, bytes.toString('base64')]))
    await bed.apply(configMap('files', {}, content))
    const source = `const large = require('/files/large.cjs').largeArchive()
      require('node:http').createServer(({ url }, answer) => {
        if (url === '/large') answer.end(large)
        else answer.end(require('node:fs').readFileSync('/files' + url))
      }).listen(8080)`
    const spec = {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'files',
          image: runtime.image,
          command: ['node', '-e', source],
          volumeMounts: [{ name: 'files', mountPath: '/files' }],
        },
      ],
      volumes: [{ name: 'files', configMap: { name: 'files' } }],
    }
    await bed.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'files' }, spec })
    await bed.kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'pod/files')
  }
})
