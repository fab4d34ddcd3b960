import { describe, expect, test } from '@jest/globals'
import { VALUE_SETS } from '../../builders/chart-values.ts'
import { helmAt } from '../../builders/helm.ts'
import { useBed } from '../bed.ts'
import { describeOnCluster, e2e } from '../environment.ts'
import { helm, tryUpgrade } from '../helm.ts'
import { asList, kubectl, tryKubectl } from '../kubectl.ts'

const ANNOTATION = 'dormouse.dev/schema'
const DEFINITION = 'crd/functions.dormouse.dev'

describeOnCluster('the chart', () => {
  const bed = useBed('chart')

  describe('is taken by the API server, and by the restricted pod security standard,', () => {
    test.each(Object.entries(VALUE_SETS))('with %s', async (_title, values) => {
      await kubectl(['label', 'namespace', bed.namespace, '--overwrite', 'pod-security.kubernetes.io/warn=restricted'])
      const objects = await helmAt('helm').render({ release: 'dry', namespace: bed.namespace, values })
      const { code, stdout, stderr } = await tryKubectl(['apply', '--dry-run=server', '-f', '-'], {
        input: asList(objects),
      })
      expect(stderr.split('\n').filter((line) => !/^$|last-applied-configuration/.test(line))).toEqual([])
      expect(stdout.trim().split('\n')).toHaveLength(objects.length)
      expect(code).toBe(0)
    })
  })

  test('passes its own test', async () => {
    expect(await helm('test', e2e().release)).toMatch(/TEST SUITE: +dormouse-test[^]*Phase: +Succeeded/)
  })

  test('does not run over definitions of another version, and says what to do', async () => {
    const path = `jsonpath={.metadata.annotations.dormouse\\.dev/schema}`
    const ours = await kubectl(['get', DEFINITION, '-o', path])
    const annotate = (value: string) => kubectl(['annotate', '--overwrite', DEFINITION, `${ANNOTATION}=${value}`])
    await annotate('another')
    try {
      const { code, stderr } = await tryUpgrade({})
      expect(code).not.toBe(0)
      expect(stderr).toContain(`functions.dormouse.dev: expected schema ${ours}, the cluster has another.`)
      expect(stderr).toContain('helm show crds')
    } finally {
      await annotate(ours)
    }
  })
})

describeOnCluster('service accounts', () => {
  const as = (part: string) => {
    const { namespace, release } = e2e()
    return `--as=system:serviceaccount:${namespace}:${release}-${part}`
  }
  /** Of all namespaces' resources; what everybody may ask about himself is left out. */
  const rights = async (part: string, namespace: string) =>
    (await kubectl(['auth', 'can-i', '--list', '--no-headers', '--namespace', namespace, as(part)]))
      .split('\n')
      .map((line) => line.split(/\s+/)[0]!)
      .filter((resource) => resource !== '' && !/^(selfsubject|\[)/.test(resource))

  test.each(['gateway', 'dispatcher'])('of the %s may do nothing', async (part) => {
    for (const namespace of [e2e().namespace, 'default', 'kube-system'])
      expect([namespace, await rights(part, namespace)]).toEqual([namespace, []])
  })

  const rows: [string, string, boolean][] = [
    ['get secrets/dormouse-keys', 'own', true],
    ['get secrets/another', 'own', false],
    ['list secrets', 'own', false],
    ['create secrets', 'own', false],
    ['get secrets/dormouse-keys', 'default', false],
    ['list secrets', 'default', false],
    ['create pods --subresource=exec', 'default', false],
    ['create serviceaccounts --subresource=token', 'own', false],
    ['update functions.dormouse.dev', 'default', false],
    ['delete functions.dormouse.dev', 'default', false],
    ['patch functions.dormouse.dev --subresource=status', 'default', true],
    ['create pods', 'default', true],
    ['patch runtimes.dormouse.dev', 'default', false],
    ['patch leases.coordination.k8s.io/another', 'own', false],
    ['get nodes', 'default', false],
    ['patch deployments.apps', 'own', false],
  ]
  test.each(rows)('of the controller: %s in namespace %s is %s', async (right, where, allowed) => {
    const namespace = where === 'own' ? e2e().namespace : where
    const { stdout } = await tryKubectl([
      'auth',
      'can-i',
      ...right.split(' '),
      '--namespace',
      namespace,
      as('controller'),
    ])
    expect(stdout.trim().split('\n').at(-1)).toBe(allowed ? 'yes' : 'no')
  })
})
