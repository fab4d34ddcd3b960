import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { existsSync, readdirSync } from 'node:fs'
import { ANNOTATION, LABEL } from '../../../api/names.ts'
import { PODS } from '../../../kube/objects.ts'
import { eventually } from '../../builders/eventually.ts'
import { isAlive, startKubeletBed } from '../../builders/kubelet-bed.ts'

type Bed = Awaited<ReturnType<typeof startKubeletBed>>
let bed: Bed

beforeEach(async () => {
  bed = await startKubeletBed({ PATH: process.env['PATH'], HTTP_PROXY: 'http://proxy', SECRET_OF_THE_USER: 'x' })
})
afterEach(() => bed.stop())

const ready = (name: string) =>
  eventually(`${name} ready`, async () => {
    const pod = await bed.pod(name)
    return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ? pod : undefined
  })
const lines = () => bed.logs.tail('default/fn', 100).map(({ text }) => text)
const ofFunction = { [LABEL.function]: 'fn' }
const environment = () =>
  JSON.parse(
    lines()
      .find((line) => line.startsWith('env '))!
      .slice(4),
  ) as Record<string, string>

describe('a pod that is created', () => {
  test('runs on this node and is ready with its ports once its runtime says so', async () => {
    await bed.run('a')
    const pod = await ready('a')
    expect(pod.spec.nodeName).toBe('local')
    expect(pod.status).toMatchObject({ phase: 'Running', podIP: '127.0.0.1' })
    expect(JSON.parse(pod.metadata.annotations![ANNOTATION.ports]!)).toEqual({ control: 1234, data: 5678 })
  })

  test('finds its own environment, field references resolved, and little of the host', async () => {
    const { metadata } = await bed.run('a', 'serve', ofFunction)
    await ready('a')
    await eventually('env line', () => lines().some((line) => line.startsWith('env ')))
    expect(environment()).toMatchObject({
      PLAIN: 'text',
      POD_NAME: 'a',
      POD_NAMESPACE: 'default',
      POD_UID: metadata.uid,
      POD_IP: '127.0.0.1',
      HTTP_PROXY: 'http://proxy',
      DORMOUSE_CONTROL_PORT: '0',
      DORMOUSE_LISTEN_HOST: '127.0.0.1',
    })
    expect(environment()).not.toHaveProperty('SECRET_OF_THE_USER')
  })

  test('has a directory of its own that goes with it', async () => {
    await bed.run('a')
    await ready('a')
    expect(readdirSync(bed.podsDirectory)).toHaveLength(1)
    await bed.delete('a')
    await eventually('gone', async () => (await bed.pod('a')) === undefined)
    expect(readdirSync(bed.podsDirectory)).toHaveLength(0)
  })

  test('fails with a sentence when its image is not known here', async () => {
    await bed.run('a', 'unknown')
    const pod = await eventually('failed', async () => {
      const found = await bed.pod('a')
      return found?.status?.phase === 'Failed' ? found : undefined
    })
    expect(pod.status?.message).toContain('image "test/unknown" cannot run in local mode')
  })

  test('fails when its program does not exist', async () => {
    await bed.run('a', 'missing')
    const pod = await eventually('failed', async () => {
      const found = await bed.pod('a')
      return found?.status?.phase === 'Failed' ? found : undefined
    })
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated?.message).toContain('ENOENT')
  })
})

test('a process that ends on its own leaves exit code and last words in the status', async () => {
  await bed.run('a', 'exit')
  const pod = await eventually('failed', async () => {
    const found = await bed.pod('a')
    return found?.status?.phase === 'Failed' ? found : undefined
  })
  const terminated = pod.status?.containerStatuses?.[0]?.state?.terminated
  expect(terminated).toEqual({ exitCode: 7, reason: 'Error', message: 'cannot go on' })
})

test('a killed process leaves its signal in the status', async () => {
  await bed.run('a', 'fork', ofFunction)
  await ready('a')
  const group = await eventually('child', () => lines().find((line) => line.startsWith('child ')))
  const child = Number(group.split(' ')[1])
  const parent = await parentOf(child)
  process.kill(parent, 'SIGKILL')
  const pod = await eventually('failed', async () => {
    const found = await bed.pod('a')
    return found?.status?.phase === 'Failed' ? found : undefined
  })
  expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 137, signal: 9 })
  await eventually('what it forked is dead', () => !isAlive(child))
})

async function parentOf(pid: number): Promise<number> {
  const { readFile } = await import('node:fs/promises')
  return Number((await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ')[1])
}

describe('a pod that is deleted', () => {
  test('gets SIGTERM, may finish, and is removed when its process has ended', async () => {
    await bed.run('a', 'serve', ofFunction)
    await ready('a')
    await bed.delete('a')
    expect(await bed.pod('a')).toHaveProperty('metadata.deletionTimestamp')
    await eventually('gone', async () => (await bed.pod('a')) === undefined)
    expect(lines()).toContain('term')
  })

  test('is killed when its grace is over', async () => {
    await bed.run('a', 'stubborn', ofFunction)
    await ready('a')
    await bed.delete('a', 1)
    await eventually('term', () => lines().includes('term'))
    await eventually('gone', async () => (await bed.pod('a')) === undefined)
    expect(bed.kubelet.running).toBe(0)
  })

  test('is killed at once with a grace of 0, with everything it forked', async () => {
    await bed.run('a', 'fork', ofFunction)
    await ready('a')
    const line = await eventually('child', () => lines().find((text) => text.startsWith('child ')))
    await bed.delete('a', 0)
    await eventually('no process', () => bed.kubelet.running === 0)
    await eventually('fork dead', () => !isAlive(Number(line.split(' ')[1])))
    expect(lines()).not.toContain('term')
  })
})

test('lines written before a pod is claimed belong to the function that claims it', async () => {
  await bed.run('a')
  await ready('a')
  expect(lines()).toEqual([])
  await bed.cluster.patch(PODS, { namespace: 'default', name: 'a' }, { metadata: { labels: ofFunction } })
  await eventually('attributed', () => lines().some((line) => line.startsWith('cwd ')))
})

test('stop ends every pod, kills those that do not listen, and starts no more', async () => {
  await bed.run('a')
  await bed.run('b', 'stubborn')
  await ready('a')
  await ready('b')
  await bed.kubelet.stop(200)
  expect(bed.kubelet.running).toBe(0)
  await bed.run('late')
  expect(bed.kubelet.running).toBe(0)
  expect(existsSync(bed.podsDirectory)).toBe(true)
})
