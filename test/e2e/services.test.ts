import { expect } from '@jest/globals'
import type { Service } from '../../kube/objects.ts'
import type { DormouseFunction } from '../../api/function.ts'
import { scenario, useBed } from './bed.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { functionOf, saying } from './manifests.ts'

/** Calls what it is told to, from its own pod. */
const CALLER = `
  export const handler = async ({ url }) => {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"n":1}' })
    return { status: answer.status, body: await answer.json() }
  }`

describeOnCluster('by its name in DNS', () => {
  const owner = useBed('named')
  const caller = useBed('caller')

  const ask = async (url: string) => json(await caller.call('caller', { body: { url } }))
  const service = (name: string) => owner.get<Service>('service', name)
  const statusOf = async (name: string) => (await owner.get<DormouseFunction>('functions.dormouse.dev', name)).status

  const named = (name: string) =>
    owner.eventually(`${name} has its name`, async () => {
      const status = await statusOf(name)
      return status?.conditions?.some(({ type, status: is }) => type === 'Named' && is === 'True') === true && status
    })

  scenario(caller, 'a pod of another namespace wakes a function, by the short name and the long one', async () => {
    await caller.deploy(functionOf('caller', CALLER))
    await owner.deploy(functionOf('hello', saying('hello')), functionOf('world', saying('world')))
    await Promise.all([named('hello'), named('world')])
    const { namespace } = owner
    const answered = (says: string) => ({ status: 200, body: expect.objectContaining({ says, event: { n: 1 } }) })
    expect(await ask(`http://hello.${namespace}`)).toEqual(answered('hello'))
    expect(await ask(`http://world.${namespace}.svc.cluster.local`)).toEqual(answered('world'))
    expect(await ask(`http://hello.${namespace}/with/a/path?and=more`)).toEqual(answered('hello'))
  })

  scenario(owner, 'it is found where its status says', async () => {
    await owner.deploy(functionOf('told', saying('told')))
    const { url = '' } = await named('told')
    expect(url).toBe(`http://told.${owner.namespace}`)
    expect(await ask(url)).toMatchObject({ status: 200, body: { says: 'told' } })
  })

  scenario(
    owner,
    'a Service that is somebody else’s is left alone, and the function says where else it is',
    async () => {
      await owner.kubectl('create', 'service', 'clusterip', 'taken', '--tcp=80:8080')
      const before = await service('taken')
      await owner.deploy(functionOf('taken', saying('taken')))
      const status = await owner.eventually('it says so', async () => {
        const now = await statusOf('taken')
        return now?.conditions?.some(({ reason }) => reason === 'NameTaken') === true && now
      })
      expect(status.conditions?.find(({ type }) => type === 'Named')?.message).toMatch(
        /A Service named taken is not Dormouse's and was left alone/,
      )
      expect(status.url).toMatch(new RegExp(`/fn/${owner.namespace}/taken$`))
      expect(await ask(status.url ?? '')).toMatchObject({ status: 200, body: { says: 'taken' } })
      const after = await service('taken')
      expect([after.metadata.uid, after.metadata.resourceVersion]).toEqual([
        before.metadata.uid,
        before.metadata.resourceVersion,
      ])
      await owner.kubectl('delete', 'functions.dormouse.dev', 'taken')
      expect((await service('taken')).metadata.uid).toBe(before.metadata.uid)
    },
  )

  scenario(
    owner,
    'there is nothing any more once the function is deleted, and there is again when it is deleted by hand',
    async () => {
      await owner.deploy(functionOf('leaving', saying('leaving')))
      const first = await owner.eventually('it has a Service', () => service('leaving').catch(() => undefined))
      await owner.kubectl('delete', 'service', 'leaving')
      await owner.eventually('it has one again', async () => {
        const now = await service('leaving').catch(() => undefined)
        return now !== undefined && now.metadata.uid !== first.metadata.uid
      })
      await owner.kubectl('delete', 'functions.dormouse.dev', 'leaving')
      await owner.eventually('its Service is gone', async () =>
        service('leaving').then(
          () => false,
          (error: unknown) => /not found/i.test(String(error)),
        ),
      )
    },
  )
})
