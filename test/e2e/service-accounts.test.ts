import { expect, test } from '@jest/globals'
import { scenario, useBed } from './bed.ts'
import { describeOnCluster, e2e } from './environment.ts'
import { tryKubectl } from './kubectl.ts'

/** What a curious neighbour would try first. */
const TEMPTING = [
  ['list', 'secrets'],
  ['list', 'pods'],
  ['create', 'pods'],
  ['get', 'functions.dormouse.dev'],
  ['update', 'functions.dormouse.dev'],
  ['list', 'nodes'],
  ['create', 'clusterrolebindings'],
  ['impersonate', 'users'],
] as const

describeOnCluster('of the service accounts', () => {
  const bed = useBed('accounts')

  const can = async (part: string, ...question: string[]) => {
    const { namespace, release } = e2e()
    const as = `--as=system:serviceaccount:${namespace}:${release}-${part}`
    const { stdout } = await tryKubectl(['auth', 'can-i', as, ...question])
    return stdout.trim().split('\n').at(-1)
  }

  test.each(['gateway', 'dispatcher'])("the %s's can do nothing at all", async (part) => {
    for (const [verb, resource] of TEMPTING)
      for (const scope of [['--all-namespaces'], ['--namespace', e2e().namespace]])
        expect([verb, resource, await can(part, verb, resource, ...scope)]).toEqual([verb, resource, 'no'])
  })

  scenario(bed, "the controller's reads its own keys and no other Secret, anywhere", async () => {
    const { namespace } = e2e()
    const own = ['--namespace', namespace]
    expect(await can('controller', 'get', 'secrets/dormouse-keys', ...own)).toBe('yes')
    expect(await can('controller', 'get', 'secrets/another', ...own)).toBe('no')
    expect(await can('controller', 'list', 'secrets', ...own)).toBe('no')
    expect(await can('controller', 'get', 'secrets', '--namespace', bed.namespace)).toBe('no')
    expect(await can('controller', 'list', 'secrets', '--all-namespaces')).toBe('no')
  })

  test("the controller's cannot widen its own rights", async () => {
    // kubectl takes what follows a slash for a name: subresources have an option.
    const forbidden = [
      ['create', 'clusterrolebindings'],
      ['create', 'rolebindings'],
      ['create', 'serviceaccounts', '--subresource=token'],
      ['create', 'pods', '--subresource=exec'],
      ['update', 'functions.dormouse.dev'],
      ['impersonate', 'users'],
    ]
    for (const question of forbidden)
      expect([...question, await can('controller', ...question, '--all-namespaces')]).toEqual([...question, 'no'])
  })
})
