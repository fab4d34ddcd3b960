import { describe, expect, test } from '@jest/globals'
import { VALUE_SETS } from '../../builders/chart-values.ts'
import { describeWithHelm, type Rendered } from '../../builders/helm.ts'

const ofKind = (objects: Rendered[], ...kinds: string[]) => objects.filter(({ kind }) => kinds.includes(kind))
const role = (objects: Rendered[], kind: string, name: string) =>
  ofKind(objects, kind).find(({ metadata }) => metadata.name === name)!

/** One line per resource, so that a right more or less is one line of difference. */
function rights(object: Rendered): string[] {
  return (object['rules'] as { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] }[])
    .flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.map((resource) => {
          const names = resourceNames ? ` named ${resourceNames.join(',')}` : ''
          return `${group}/${resource}${names}: ${verbs.join(' ')}`
        }),
      ),
    )
    .sort()
}

describeWithHelm('rights', (helm) => {
  describe('of the controller', () => {
    test('in the cluster are exactly these', async () => {
      expect(rights(role(await helm.render(), 'ClusterRole', 'dormouse-controller'))).toEqual([
        '/configmaps: get list watch',
        '/events: get create patch',
        '/pods/resize: patch',
        '/pods: get list watch create patch delete',
        '/services: get list watch create patch',
        'apps/controllerrevisions: get list watch create patch delete',
        'coordination.k8s.io/leases: list',
        'dormouse.dev/functions/finalizers: update',
        'dormouse.dev/functions/status: patch',
        'dormouse.dev/functions: get list watch',
        'dormouse.dev/runtimes/finalizers: update',
        'dormouse.dev/runtimes: get list watch',
        'dormouse.dev/triggers/status: patch',
        'dormouse.dev/triggers: get list watch',
      ])
    })

    test('in its own namespace are exactly these', async () => {
      expect(rights(role(await helm.render(), 'Role', 'dormouse-controller'))).toEqual([
        '/secrets named dormouse-keys: get patch',
        'coordination.k8s.io/leases named dormouse-controller: get patch',
        'coordination.k8s.io/leases: create',
      ])
    })

    test('do not reach Services when functions have none', async () => {
      const objects = await helm.render({ values: { functions: { services: false } } })
      expect(rights(role(objects, 'ClusterRole', 'dormouse-controller')).join('\n')).not.toContain('services')
    })
  })

  test('of the controller do not reach ConfigMaps when no code is in them', async () => {
    const objects = await helm.render({ values: { functions: { configMaps: false } } })
    expect(rights(role(objects, 'ClusterRole', 'dormouse-controller')).join('\n')).not.toContain('configmaps')
  })

  test.each(Object.entries(VALUE_SETS))('are bound to nobody but the controller, with %s', async (_title, values) => {
    const bindings = ofKind(await helm.render({ values }), 'ClusterRoleBinding', 'RoleBinding')
    expect(bindings.map(({ kind, roleRef, subjects }) => [kind, roleRef.name, subjects])).toEqual(
      ['ClusterRoleBinding', 'RoleBinding'].map((kind) => [
        kind,
        'dormouse-controller',
        [{ kind: 'ServiceAccount', name: 'dormouse-controller', namespace: 'dormouse-system' }],
      ]),
    )
  })

  test.each(Object.entries(VALUE_SETS))('have no wildcard, with %s', async (_title, values) => {
    const roles = ofKind(await helm.render({ values }), 'ClusterRole', 'Role')
    expect(roles.flatMap((each) => rights(each)).filter((right) => right.includes('*'))).toEqual([])
  })

  describe('for people', () => {
    test('to look are in view, edit and admin; to change, in edit and admin', async () => {
      const objects = await helm.render()
      const [view, edit] = ['view', 'edit'].map((name) => role(objects, 'ClusterRole', `dormouse-${name}`))
      expect(rights(view!)).toEqual([
        'dormouse.dev/functions: get list watch',
        'dormouse.dev/runtimes: get list watch',
        'dormouse.dev/triggers: get list watch',
      ])
      expect(rights(edit!)).toEqual([
        'dormouse.dev/functions/scale: get update patch',
        'dormouse.dev/functions: create update patch delete deletecollection',
        'dormouse.dev/triggers: create update patch delete deletecollection',
      ])
      expect(aggregation(view!)).toEqual(['admin', 'edit', 'view'])
      expect(aggregation(edit!)).toEqual(['admin', 'edit'])
    })

    test('to call with the command are in a Role of the installation, and nobody has it who is not named', async () => {
      const objects = await helm.render()
      expect(rights(role(objects, 'Role', 'dormouse-cli'))).toEqual([
        '/pods/portforward: get create',
        '/pods: get list',
        '/services: get list',
      ])
      expect(role(objects, 'RoleBinding', 'dormouse-cli')).toBeUndefined()
      const subjects = [{ kind: 'Group', name: 'payments', apiGroup: 'rbac.authorization.k8s.io' }]
      const bound = role(await helm.render({ values: { rbac: { cli: { subjects } } } }), 'RoleBinding', 'dormouse-cli')
      expect(bound).toMatchObject({
        metadata: { namespace: 'dormouse-system' },
        ...{ roleRef: { kind: 'Role', name: 'dormouse-cli' }, subjects },
      })
    })

    test('stay out of the cluster\u2019s own roles when they are told to', async () => {
      const objects = await helm.render({ values: { rbac: { aggregateToDefaultRoles: false } } })
      for (const each of ofKind(objects, 'ClusterRole')) expect(aggregation(each)).toEqual([])
    })
  })
})

const aggregation = ({ metadata }: Rendered) =>
  Object.keys(metadata.labels)
    .flatMap((label) => /aggregate-to-(\w+)$/.exec(label)?.[1] ?? [])
    .sort()
