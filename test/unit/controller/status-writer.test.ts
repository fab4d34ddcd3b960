import { describe, expect, test } from '@jest/globals'
import { StatusWriter } from '../../../controller/status-writer.ts'
import type { KubeObject } from '../../../api/object.ts'
import type { Cluster, Kind } from '../../../kube/cluster.ts'
import { ClusterError } from '../../../kube/errors.ts'

interface Thing extends KubeObject {
  status?: { phase: string; note?: string }
}
const THINGS: Kind<Thing> = {
  group: '',
  version: 'v1',
  kind: 'Thing',
  plural: 'things',
  namespaced: true,
  hasStatus: true,
}

const thing = (resourceVersion: string, status?: Thing['status']): Thing => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion, creationTimestamp: '' },
  ...(status && { status }),
})

function bed(...fails: ClusterError[]) {
  const patches: { status: object; resourceVersion: string | undefined }[] = []
  // eslint-disable-next-line max-params -- the port's own signature
  const patchStatus = async (_kind: unknown, _ref: unknown, status: object, options?: { resourceVersion?: string }) => {
    const fail = fails.shift()
    if (fail) throw fail
    patches.push({ status, resourceVersion: options?.resourceVersion })
    return thing(`${10 + patches.length}`, status as Thing['status'])
  }
  const writer = new StatusWriter<NonNullable<Thing['status']>, Thing>(
    { patchStatus } as unknown as Pick<Cluster, 'patchStatus'>,
    THINGS,
  )
  return { fails, patches, writer }
}

describe('a status', () => {
  test('is written once, with the position it was derived from', async () => {
    const { patches, writer } = bed()
    expect(await writer.write(thing('1'), { phase: 'up' })).toBe('written')
    expect(patches).toEqual([{ status: { phase: 'up' }, resourceVersion: '1' }])
  })

  test('that is equal is not written', async () => {
    const { patches, writer } = bed()
    expect(await writer.write(thing('1', { phase: 'up' }), { phase: 'up' })).toBe('unchanged')
    expect(patches).toEqual([])
  })

  test('is not written again while the cache has not caught up, and the next one builds on it', async () => {
    const { patches, writer } = bed()
    await writer.write(thing('1'), { phase: 'up' })
    expect(writer.current(thing('1'))).toEqual({ phase: 'up' })
    expect(await writer.write(thing('1'), { phase: 'up' })).toBe('unchanged')
    expect(await writer.write(thing('1'), { phase: 'down' })).toBe('written')
    expect(patches[1]).toEqual({ status: { phase: 'down' }, resourceVersion: '11' })
  })

  test('is what the cache says as soon as it moves on', async () => {
    const { writer } = bed()
    await writer.write(thing('1'), { phase: 'up' })
    expect(writer.current(thing('12', { phase: 'theirs' }))).toEqual({ phase: 'theirs' })
  })

  test('that was written is forgotten with the first conflict: a cluster restored from a backup has never seen it', async () => {
    const { fails, patches, writer } = bed()
    await writer.write(thing('1'), { phase: 'up' })
    fails.push(new ClusterError('Conflict', 'x'))
    expect(await writer.write(thing('1'), { phase: 'down' })).toBe('conflict')
    expect(await writer.write(thing('1'), { phase: 'down' })).toBe('written')
    expect(patches.at(-1)?.resourceVersion).toBe('1')
  })

  test('loses the fields it no longer has', async () => {
    const { patches, writer } = bed()
    await writer.write(thing('1', { phase: 'up', note: 'x' }), { phase: 'up' })
    expect(patches[0]?.status).toEqual({ phase: 'up', note: null })
  })

  test.each([
    ['Conflict', 'conflict'],
    ['NotFound', 'gone'],
  ] as const)('%s is an answer, not an error', async (code, want) => {
    const { writer } = bed(new ClusterError(code, 'x'))
    expect(await writer.write(thing('1'), { phase: 'up' })).toBe(want)
  })

  test('any other failure is thrown', async () => {
    const { writer } = bed(new ClusterError('Unavailable', 'x'))
    await expect(writer.write(thing('1'), { phase: 'up' })).rejects.toThrow('x')
  })
})
