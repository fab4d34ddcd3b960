import { expect } from '@jest/globals'
import type { Pod } from '../../kube/objects.ts'
import { scenario, useBed } from './bed.ts'
import { json } from './call.ts'
import { describeOnCluster, e2e } from './environment.ts'
import { partPods } from './installation.ts'
import { functionOf, saying } from './manifests.ts'

/** A function that calls what it is told to, which is what anybody's pod can do. Tells the status, or why there is none. */
const CALLER = `
  export const handler = async ({ url, method = 'GET', headers = {}, body }) => {
    try {
      const answer = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(3000) })
      return { status: answer.status }
    } catch (error) { return { refused: String(error.cause?.code ?? error) } }
  }`

describeOnCluster('a pod of another namespace', () => {
  const owner = useBed('owner')
  const stranger = useBed('stranger')

  const ask = async (request: object) => json(await stranger.call('caller', { body: request }))
  const address = (pod: Pod | undefined) => (pod?.status as { podIP?: string } | undefined)?.podIP ?? 'nowhere'
  /** By the other side, or, where policies are enforced, before: then there is no connection. */
  const outcomeOf = async (request: object) => {
    const { status, refused } = await ask(request)
    return refused !== undefined || status === 401 || status === 403 ? 'refused' : status
  }

  scenario(stranger, 'reaches a function by its gateway, and not by its pod', async () => {
    await owner.deploy(functionOf('vault', saying('secret'), { scaling: { min: 1 } }))
    await stranger.deploy(functionOf('caller', CALLER))
    await owner.call('vault')
    const [pod] = await owner.pods('vault')
    const { namespace, release } = e2e()
    const gateway = `http://${release}-gateway-internal.${namespace}.svc.cluster.local/fn/${owner.namespace}/vault`
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }
    expect(await ask({ url: gateway, ...post })).toEqual({ status: 200 })
    const direct = `http://${address(pod)}:8080/`
    expect(await outcomeOf({ url: direct, ...post })).toBe('refused')
    const forged = { ...post, headers: { ...post.headers, 'dormouse-key': 'guessed' } }
    expect(await outcomeOf({ url: direct, ...forged })).toBe('refused')
  })

  scenario(stranger, "is refused by a pod's control port: what is not signed makes no function of it", async () => {
    const generic = await owner.eventually(
      'a pod waits',
      async () => {
        const pods = await owner.list<Pod>('pods', 'dormouse.dev/state=generic')
        return pods.find(({ status }) => (status as { podIP?: string } | undefined)?.podIP !== undefined)
      },
      60_000,
    )
    const url = `http://${address(generic)}:8079/specialize`
    expect(await outcomeOf({ url, method: 'POST', body: '{}' })).toBe('refused')
  })

  scenario(stranger, 'is refused by the controllers: no feed, no activation, no pod that calls home', async () => {
    const [controller] = await partPods('controller')
    const base = `http://${address(controller)}:8082`
    for (const request of [
      { url: `${base}/v1/feed` },
      { url: `${base}/v1/feed`, headers: { authorization: 'Bearer guessed' } },
      { url: `${base}/v1/activations`, method: 'POST', body: '{}' },
      { url: `${base}/v1/load`, method: 'POST', body: '{}' },
      { url: `${base}/v1/pods`, method: 'POST', body: '{"name":"x","uid":"x","address":"10.0.0.1"}' },
    ])
      expect([request.url, await outcomeOf(request)]).toEqual([request.url, 'refused'])
  })
})
