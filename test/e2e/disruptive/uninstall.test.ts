import { expect, test } from '@jest/globals'
import { uninstall } from '../../../scripts/e2e/installation.ts'
import { eventually } from '../../builders/eventually.ts'
import { describeOnCluster, e2e } from '../environment.ts'
import { asList, kubectl, kubectlJson, tryKubectl } from '../kubectl.ts'
import { functionOf, saying } from '../manifests.ts'

const NAMESPACE = 'e2e-leftovers'

interface Named {
  kind: string
  metadata: { namespace?: string; name: string }
}

/** `scripts/e2e` runs this file after all others: nothing is left to test on after it. */
describeOnCluster('uninstalling', () => {
  test('leaves nothing of Dormouse in the cluster, however much was running', async () => {
    const { kubeconfig, namespace } = e2e()
    await kubectl(['create', 'namespace', NAMESPACE])
    const functions = [1, 2, 3].map((n) => functionOf(`left-${n}`, saying('left'), { scaling: { min: 1 } }))
    await kubectl(['--namespace', NAMESPACE, 'apply', '-f', '-'], { input: asList(functions) })
    await kubectl(['--namespace', NAMESPACE, 'wait', '--for=condition=Ready', '--timeout=90s', 'fn', '--all'], {
      timeoutMs: 100_000,
    })

    await uninstall(kubeconfig)

    // Pods end in their own time once nobody owns them.
    let left: string[] = []
    const gone = async () => (left = await everythingOfOurs(NAMESPACE)).length === 0
    await eventually('nothing of ours is left', gone, { withinMs: 120_000, everyMs: 1_000 }).catch(() => undefined)
    expect(left).toEqual([])
    const { items } = await kubectlJson<{ items: Named[] }>(['get', 'namespaces,clusterroles,clusterrolebindings,crds'])
    const ours = items
      .filter(({ metadata }) => /dormouse/.test(metadata.name))
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    expect(ours).toEqual([])
    expect((await tryKubectl(['get', 'namespace', namespace])).code).not.toBe(0)
    await kubectl(['delete', 'namespace', NAMESPACE], { timeoutMs: 240_000 })
  }, 600_000)
})

async function everythingOfOurs(namespace: string): Promise<string[]> {
  const kinds = 'pods,services,controllerrevisions,configmaps,secrets'
  const { items } = await kubectlJson<{ items: Named[] }>(['--namespace', namespace, 'get', kinds])
  const names = items.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
  return names.filter((name) => name !== 'ConfigMap kube-root-ca.crt')
}
