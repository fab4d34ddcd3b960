import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createWorkspace } from '../builders/dormouse-command.ts'
import { useBed } from './bed.ts'
import { describeOnCluster, e2e } from './environment.ts'
import { kubectl, tryKubectl } from './kubectl.ts'
import { functionOf, saying } from './manifests.ts'

describeOnCluster('a user who may look at his functions, with the Role dormouse-cli', () => {
  const bed = useBed('cli-rights')
  let workspace: ReturnType<typeof createWorkspace>
  const binding = () => `e2e-${bed.namespace}`
  const own = (...args: string[]) => kubectl(['--namespace', e2e().namespace, ...args])

  beforeAll(async () => {
    await bed.kubectl('create', 'serviceaccount', 'somebody')
    await bed.kubectl(
      ...['create', 'rolebinding', 'somebody', `--clusterrole=${e2e().release}-view`],
      `--serviceaccount=${bed.namespace}:somebody`,
    )
    await bed.deploy(functionOf('hello', saying('hello')))
    const view = ['config', 'view', '--raw', '--minify', '-o', 'jsonpath={.clusters[0].cluster}']
    const cluster = JSON.parse(await kubectl(view)) as object
    const token = (await bed.kubectl('create', 'token', 'somebody')).trim()
    workspace = createWorkspace({ 'somebody.kubeconfig': JSON.stringify(kubeconfigOf(cluster, token)) })
  }, 120_000)
  afterAll(async () => {
    await own('delete', 'rolebinding', binding(), '--ignore-not-found')
    await workspace.end()
  })

  const invoke = () =>
    workspace.run(
      ...['invoke', 'hello', '-n', bed.namespace, '--kubeconfig', 'somebody.kubeconfig'],
      ...['--system-namespace', e2e().namespace],
    )

  test('may not invoke before it is bound, and is told in the API server\u2019s words', async () => {
    const { code, stderr } = await invoke()
    expect(code).not.toBe(0)
    expect(stderr).toContain('forbidden')
  })

  test('may invoke', async () => {
    const { release } = e2e()
    const account = `--serviceaccount=${bed.namespace}:somebody`
    await own('create', 'rolebinding', binding(), `--role=${release}-cli`, account)
    // API servers hear of rights a moment after they are given.
    const { stdout, stderr } = await bed.eventually('the right is in force', async () => {
      const ran = await invoke()
      return ran.code === 0 && ran
    })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({ says: 'hello' })
  })

  test.each([
    'get secrets',
    'create pods',
    'create pods --subresource=exec',
    'get pods --subresource=log',
    'list functions.dormouse.dev',
  ])('may not %s where Dormouse is installed', async (right) => {
    const as = `--as=system:serviceaccount:${bed.namespace}:somebody`
    const args = ['auth', 'can-i', ...right.split(' '), '--namespace', e2e().namespace, as]
    expect((await tryKubectl(args)).stdout.trim()).toBe('no')
  })
})

function kubeconfigOf(cluster: object, token: string): object {
  return {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'x' },
    clusters: [{ name: 'x', cluster }],
    users: [{ name: 'x', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
  }
}
