/** Code that is not in the Function: in a ConfigMap, in an archive behind a URL. On the whole platform, with real pods. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { DormouseFunction } from '../../../api/function.ts'
import { CONFIG_MAPS, CONTROLLER_REVISIONS } from '../../../kube/objects.ts'
import { sha256Of, tarGz, zip } from '../../builders/archives.ts'
import { until } from '../../builders/eventually.ts'
import { startPlatform, type TestPlatform } from '../../builders/local-platform.ts'

let platform: TestPlatform
let server: Server
let base: string
/** By path; a number is a status. */
const served = new Map<string, Buffer | number>()
let asked: string[] = []

beforeEach(async () => {
  served.clear()
  asked = []
  server = createServer(({ url = '' }, response) => {
    asked.push(url)
    const body = served.get(url) ?? 404
    if (typeof body === 'number') response.writeHead(body).end('a secret that is nobody’s business')
    else response.end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  await platform.stop()
  server.closeAllConnections()
  server.close()
})

const functionOf = (code: object, more: object = {}) => ({
  apiVersion: 'dormouse.dev/v1alpha1',
  kind: 'Function',
  metadata: { name: 'web' },
  spec: { runtime: 'node', code, ...more },
})
const answering = (text: string) => `export const handler = () => ${JSON.stringify(text)}`
const answer = async () => (await platform.invoke('web')).json()
const ready = () => platform.condition('functions', 'web')
const configMap = (data: Record<string, string>, binaryData: Record<string, string> = {}) =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'code' }, data, binaryData }) as const
const write = (data: Record<string, string>, binaryData: Record<string, string> = {}) =>
  platform.local.cluster.patch(CONFIG_MAPS, { name: 'code' }, { data, binaryData })
const archive = (path: string, bytes: Buffer) => ({ archive: { url: `${base}${path}`, sha256: sha256Of(bytes) } })

test('a ConfigMap is a function’s code, and a change of it is rolled out', async () => {
  platform = await startPlatform()
  await platform.local.cluster.create(CONFIG_MAPS, configMap({ 'index.mjs': answering('one') }))
  await platform.apply(functionOf({ configMap: { name: 'code' } }))
  expect(await answer()).toBe('one')

  await write({ 'index.mjs': answering('two') })

  await until(async () => (await answer()) === 'two')
  const { status } = await platform.get<DormouseFunction>('functions', 'web')
  const revisions = await platform.local.cluster.list(CONTROLLER_REVISIONS)
  expect(revisions.map(({ metadata }) => metadata.name)).toContain(`web-${status?.revision}`)
  expect(revisions).toHaveLength(2)
})

test('a ConfigMap that breaks the code, or goes, leaves the old revision serving and says why', async () => {
  platform = await startPlatform()
  await platform.local.cluster.create(CONFIG_MAPS, configMap({ 'index.mjs': answering('one') }))
  await platform.apply(functionOf({ configMap: { name: 'code' } }))

  await write({ 'index.mjs': 'export const handler = (' })
  await until(async () => (await ready())?.reason === 'CodeLoadFailed')
  expect(await answer()).toBe('one')

  await platform.local.cluster.delete(CONFIG_MAPS, { name: 'code' })
  await until(async () => (await ready())?.reason === 'CodeUnavailable')
  expect((await ready())?.message).toBe(
    'ConfigMap "code": local mode has no ConfigMaps; give code.path, code.inline or code.archive instead.',
  )
  expect((await platform.condition('functions', 'web', 'Serving'))?.status).toBe('True')
  expect((await platform.condition('functions', 'web', 'RolledOut'))?.reason).toBe('CodeUnavailable')
  expect(await answer()).toBe('one')

  await platform.local.cluster.create(CONFIG_MAPS, configMap({ 'index.mjs': answering('three') }))
  await until(async () => (await answer()) === 'three')
  await until(async () => (await ready())?.status === 'True')
})

test('a function whose ConfigMap never was answers 503 with the reason, and begins when it comes', async () => {
  platform = await startPlatform()
  await platform.apply(functionOf({ configMap: { name: 'code' } }))
  expect(await ready()).toMatchObject({ status: 'False', reason: 'CodeUnavailable' })
  const refused = await platform.invoke('web')
  expect(refused.status).toBe(503)
  expect(await refused.text()).toContain('local mode has no ConfigMaps')

  await platform.local.cluster.create(CONFIG_MAPS, configMap({ 'index.mjs': answering('there') }))
  await until(async () => (await platform.invoke('web')).status === 200)
})

test('bytes and large text of a ConfigMap reach the pod as they are', async () => {
  platform = await startPlatform()
  const code = `import { readFileSync } from 'node:fs'
    const read = (name) => readFileSync(new URL(name, import.meta.url))
    export const handler = () => [read('./b.bin').toString('hex'), read('./large.txt').length]`
  await platform.local.cluster.create(
    CONFIG_MAPS,
    configMap({ 'index.mjs': code, 'large.txt': 'é'.repeat(300_000) }, { 'b.bin': '/wAB' }),
  )
  await platform.apply(functionOf({ configMap: { name: 'code' } }))
  expect(await answer()).toEqual(['ff0001', 600_000])
})

test('an archive is a function’s code; another one is rolled out', async () => {
  platform = await startPlatform()
  const [one, two] = [
    zip([
      { name: 'index.mjs', content: `export { handler } from './lib/a.mjs'` },
      { name: 'lib/a.mjs', content: answering('one') },
    ]),
    await tarGz([{ name: './index.mjs', content: answering('two') }]),
  ]
  served.set('/one.zip', one).set('/two.tgz', two)
  await platform.apply(functionOf(archive('/one.zip', one)))
  expect(await answer()).toBe('one')

  await platform.apply(functionOf(archive('/two.tgz', two)))
  await until(async () => (await answer()) === 'two')
})

test('an archive is fetched once, for all pods and after the controller was started afresh and the URL has gone', async () => {
  platform = await startPlatform({ poolSize: 1 })
  const bytes = zip([{ name: 'index.mjs', content: answering('kept') }])
  served.set('/a.zip', bytes)
  await platform.apply(functionOf(archive('/a.zip', bytes), { scaling: { idleAfter: '1s' } }))
  expect(await answer()).toBe('kept')

  served.clear()
  await platform.local.controller.stop()
  await platform.local.controller.start()
  await until(async () => (await platform.pods('web')).length === 0, 20_000)
  expect(await answer()).toBe('kept')
  expect(asked).toEqual(['/a.zip'])
  expect((await ready())?.status).toBe('True')
})

test('an archive that is not what its sha256 says is never unpacked; the old revision goes on', async () => {
  platform = await startPlatform()
  const good = zip([{ name: 'index.mjs', content: answering('good') }])
  const evil = zip([{ name: 'index.mjs', content: answering('evil') }])
  served.set('/a.zip', good)
  await platform.apply(functionOf(archive('/a.zip', good)))
  served.set('/b.zip', evil)
  const { archive: wanted } = archive('/b.zip', good.subarray(1))
  await platform.apply(functionOf({ archive: wanted }))

  expect(await ready()).toMatchObject({ status: 'False', reason: 'CodeUnavailable' })
  expect((await ready())?.message).toContain(`expected sha256 ${wanted.sha256}, what came has ${sha256Of(evil)}`)
  expect(await answer()).toBe('good')
})

test('an archive that cannot be fetched is asked for again, and nothing of the answer but its status is told', async () => {
  platform = await startPlatform()
  const bytes = zip([{ name: 'index.mjs', content: answering('late') }])
  served.set('/a.zip?key=k3y', 500)
  await platform.apply(functionOf(archive('/a.zip?key=k3y', bytes)))
  const said = (await ready())?.message
  expect(said).toBe(`The archive at ${base}/a.zip?…: expected status 200, got 500.`)

  served.set('/a.zip?key=k3y', bytes)
  await until(async () => (await platform.invoke('web')).status === 200, 20_000)
})

test('code in an archive that does not load says where', async () => {
  platform = await startPlatform()
  const bytes = zip([{ name: 'index.mjs', content: '\nthrow new Error("no")' }])
  served.set('/a.zip', bytes)
  await platform.apply(functionOf(archive('/a.zip', bytes)))
  await until(async () => (await ready())?.reason === 'CodeLoadFailed')
  expect((await ready())?.message).toContain('(index.mjs:2')
})

test('the restart annotation replaces warm pods without an error', async () => {
  platform = await startPlatform()
  const inline = { inline: { 'index.mjs': 'export const handler = () => process.pid' } }
  await platform.apply(functionOf(inline))
  const before = await answer()
  const metadata = { name: 'web', annotations: { 'dormouse.dev/restart': 'now' } }
  await platform.client.apply([{ ...functionOf(inline), metadata }])
  await until(async () => (await answer()) !== before)
  expect((await platform.client.apply([{ ...functionOf(inline), metadata }]))[0]?.outcome).toBe('unchanged')
})
