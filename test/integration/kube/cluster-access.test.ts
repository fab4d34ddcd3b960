import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { createClientNodeCluster } from '../../../kube/client-node/client-node-cluster.ts'
import { ClusterAccessError } from '../../../kube/client-node/cluster-access.ts'
import { inClusterAccess } from '../../../kube/client-node/in-cluster.ts'
import { loadClusterAccess, type ClusterAccessOptions } from '../../../kube/client-node/kube-config.ts'
import { isUnavailable } from '../../../kube/errors.ts'
import { SECRETS } from '../../../kube/objects.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { newAuthority, type Authority } from '../../builders/certificates.ts'
import { FakeApiServer } from '../../fakes/fake-api-server.ts'
import { refusal } from '../../conformance/cluster/writes.ts'

let authority: Authority
let directory: string
beforeAll(() => {
  authority = newAuthority('ca')
})
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dormouse-access-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const write = (name: string, text: string): string => {
  const path = join(directory, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  return path
}

interface Part {
  context: string
  server?: string
  user?: object
  namespace?: string
  cluster?: object
  current?: boolean
}

/** A kubeconfig with one context, cluster and user of that name. */
function kubeconfig({ context, server = 'https://127.0.0.1:1', user = {}, current = true, ...rest }: Part): string {
  const { namespace, cluster = {} } = rest
  return stringify({
    ...{ apiVersion: 'v1', kind: 'Config' },
    ...(current && { 'current-context': context }),
    clusters: [{ name: context, cluster: { server, ...cluster } }],
    users: [{ name: context, user }],
    contexts: [{ name: context, context: { cluster: context, user: context, ...(namespace && { namespace }) } }],
  })
}

const codeOf = async (options: ClusterAccessOptions) => {
  const error = await refusal(loadClusterAccess(options))
  expect(error).toBeInstanceOf(ClusterAccessError)
  return [(error as ClusterAccessError).code, (error as Error).message]
}

describe('the way to a cluster', () => {
  test('is the kubeconfig that is named, before all others', async () => {
    const named = write('named', kubeconfig({ context: 'one', namespace: 'shop' }))
    const access = await loadClusterAccess({ env: { KUBECONFIG: '/nowhere', HOME: directory }, kubeconfig: named })
    expect(access).toMatchObject({ server: 'https://127.0.0.1:1', namespace: 'shop', name: `context one of ${named}` })
  })

  test('is KUBECONFIG, before the one at home: several files, of which one may be missing, and the first says which context', async () => {
    write('.kube/config', kubeconfig({ context: 'home' }))
    const first = write('first', kubeconfig({ context: 'one', server: 'https://one:1/' }))
    const second = write('second', kubeconfig({ context: 'two', server: 'https://two:1/base/' }))
    const env = { HOME: directory, KUBECONFIG: `${first}:/nowhere:${second}` }
    expect((await loadClusterAccess({ env })).server).toBe('https://one:1')
    expect((await loadClusterAccess({ env, context: 'two' })).server).toBe('https://two:1/base')
  })

  test('of two things of one name in several files is the first', async () => {
    const first = write('first', kubeconfig({ context: 'same', server: 'https://first:1' }))
    const second = write('second', kubeconfig({ context: 'same', server: 'https://second:1' }))
    expect((await loadClusterAccess({ env: { KUBECONFIG: `${first}:${second}` } })).server).toBe('https://first:1')
  })

  test('is the one at home, or the pod we are in', async () => {
    write('.kube/config', kubeconfig({ context: 'home' }))
    expect((await loadClusterAccess({ env: { HOME: directory } })).name).toContain('context home')
    write('sa/token', 't')
    write('sa/ca.crt', authority.ca)
    write('sa/namespace', 'dormouse-system')
    const env = { HOME: '/nowhere', KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }
    const inPod = await loadClusterAccess({ env, serviceAccountDirectory: join(directory, 'sa') })
    expect(inPod).toMatchObject({ server: 'https://[fd00::1]:6443', namespace: 'dormouse-system' })
  })

  test('that is not there, or not whole, is said in a sentence', async () => {
    expect((await codeOf({ env: {} }))[0]).toBe('missing')
    expect(await codeOf({ env: { KUBECONFIG: '/nowhere/config' } })).toEqual([
      'unreadable',
      'KUBECONFIG names no file that exists: /nowhere/config',
    ])
    expect((await codeOf({ env: {}, kubeconfig: '/nowhere/config' }))[0]).toBe('unreadable')
    expect((await codeOf({ env: {}, kubeconfig: write('bad', '{') }))[0]).toBe('unreadable')
    const one = write('one', kubeconfig({ context: 'one' }))
    expect(await codeOf({ env: {}, kubeconfig: one, context: 'two' })).toEqual([
      'incomplete',
      `${one}: there is no context two, only one`,
    ])
    const none = write('none', kubeconfig({ context: 'one', current: false }))
    expect((await codeOf({ env: {}, kubeconfig: none }))[0]).toBe('incomplete')
  })
})

describe('credentials of a kubeconfig', () => {
  let server: FakeApiServer
  beforeEach(async () => {
    server = await FakeApiServer.start(authority)
    server.put('a')
  })
  afterEach(() => server.stop())

  async function authorizations(user: object, calls = 1) {
    const cluster = { 'certificate-authority-data': Buffer.from(authority.ca).toString('base64') }
    const path = write(
      'config',
      kubeconfig({ context: 'one', server: `https://127.0.0.1:${server.port}`, user, cluster }),
    )
    const access = await loadClusterAccess({ env: {}, kubeconfig: path })
    const client = createClientNodeCluster({ access, logger: silentLogger })
    try {
      for (let call = 0; call < calls; call += 1) await client.get(SECRETS, { namespace: 'n', name: 'a' })
    } finally {
      await client.close()
    }
    return server.requests.map(({ headers, clientName }) => headers.authorization ?? clientName)
  }

  test('may be a token, a password or a certificate', async () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    await authorizations({ token: 'secret' })
    await authorizations({ username: 'u', password: 'p' })
    const { cert, key } = authority.client
    expect(await authorizations({ 'client-certificate-data': base64(cert), 'client-key-data': base64(key) })).toEqual([
      ...['Bearer secret', `Basic ${base64('u:p')}`, 'client'],
    ])
  })

  test('may be files beside it, named from there', async () => {
    write('client.crt', authority.client.cert)
    write('client.key', authority.client.key)
    const certificate = { 'client-certificate': 'client.crt', 'client-key': 'client.key' }
    expect(await authorizations(certificate)).toEqual(['client'])
    write('token', 'from-a-file')
    expect(await authorizations({ tokenFile: 'token' })).toEqual(['client', 'Bearer from-a-file'])
  })

  /** Node as a plugin: prints a new token each time, `fails` excepted. */
  const plugin = (script: string) => ({
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: [write('plugin.cjs', script)],
    },
  })
  const printsToken = `
    const fs = require('node:fs'), path = __dirname + '/runs'
    const runs = fs.existsSync(path) ? Number(fs.readFileSync(path)) + 1 : 1
    fs.writeFileSync(path, String(runs))
    const status = { token: 'run-' + runs }
    console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status }))`

  test('may be printed by a plugin, which is run once for as long as its token lasts', async () => {
    expect(await authorizations(plugin(printsToken), 3)).toEqual(Array(3).fill('Bearer run-1'))
  })

  test('of a plugin that the API server no longer knows are asked for anew', async () => {
    const unauthorized = { status: 401, body: { kind: 'Status', code: 401 } }
    server.script = ({ headers }) => (headers.authorization === 'Bearer run-1' ? unauthorized : undefined)
    expect(await authorizations(plugin(printsToken), 2)).toEqual(['Bearer run-1', 'Bearer run-2', 'Bearer run-2'])
  })

  test('of a plugin are asked for once, however many calls wait for them', async () => {
    const path = write('config', kubeconfig({ context: 'one', user: plugin(printsToken) }))
    const access = await loadClusterAccess({ env: {}, kubeconfig: path })
    const all = await Promise.all(Array.from({ length: 5 }, () => access.credentials()))
    expect(new Set(all.map(({ headers }) => headers['authorization']))).toEqual(new Set(['Bearer run-1']))
  })

  test.each([
    ['a plugin that fails', "process.stderr.write('log in first'); process.exit(1)", 'log in first'],
    ['a plugin that prints nonsense', "console.log('hello')", 'no credentials'],
  ])('%s is Unavailable with what it says, and no unhandled rejection', async (_what, script, want) => {
    const error = await refusal(authorizations(plugin(script)))
    expect(isUnavailable(error)).toBe(true)
    expect(String(error)).toContain(want)
  })

  test('from a file that is gone are Unavailable, until it is back', async () => {
    const error = await refusal(authorizations({ tokenFile: 'token' }))
    expect(isUnavailable(error)).toBe(true)
    expect(String(error)).toContain('ENOENT')
  })
})

describe('credentials of a pod', () => {
  let nowMs = 0
  const account = () => {
    write('sa/ca.crt', authority.ca)
    const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' }
    return inClusterAccess({ env, directory: join(directory, 'sa'), now: () => nowMs })
  }
  const bearer = async (access: ReturnType<typeof account>) => (await access?.credentials())?.headers['authorization']
  beforeEach(() => {
    nowMs = 0
    write('sa/token', 'one\n')
  })

  test('are the token and the CA that the kubelet keeps there, read again when they may have changed', async () => {
    const access = account()
    expect(await bearer(access)).toBe('Bearer one')
    write('sa/token', 'two')
    write('sa/ca.crt', 'another CA')
    expect(await bearer(access)).toBe('Bearer one')
    nowMs += 10_000
    expect(await bearer(access)).toBe('Bearer two')
    expect((await access?.credentials())?.tls.ca).toBe('another CA')
  })

  test('are read again at once when the API server does not know us', async () => {
    const access = account()
    await bearer(access)
    write('sa/token', 'two')
    access?.refresh()
    expect(await bearer(access)).toBe('Bearer two')
  })

  test('stay what they were while the kubelet swaps the files', async () => {
    const access = account()
    await bearer(access)
    rmSync(join(directory, 'sa/token'))
    nowMs += 10_000
    expect(await bearer(access)).toBe('Bearer one')
  })

  test('that never were are an error with a code', async () => {
    const access = account()
    rmSync(join(directory, 'sa/token'))
    expect(await refusal(bearer(access))).toMatchObject({ code: 'credentials' })
  })

  test('are none outside of a pod, and in one without a token', () => {
    expect(inClusterAccess({ env: {}, directory: join(directory, 'sa') })).toBeUndefined()
    expect(inClusterAccess({ env: { KUBERNETES_SERVICE_HOST: 'x' }, directory: '/nowhere' })).toBeUndefined()
  })
})
