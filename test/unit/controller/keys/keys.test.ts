import { createPublicKey, verify } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { KEYS_SECRET, KeysError, loadKeys, sameText } from '../../../../controller/keys/keys.ts'
import { ClusterError } from '../../../../kube/errors.ts'
import { createMemoryCluster } from '../../../../kube/memory/memory-cluster.ts'
import { SECRETS } from '../../../../kube/objects.ts'

describe('loadKeys', () => {
  test('makes one Secret, and derives the same from it ever after', async () => {
    const cluster = createMemoryCluster()
    const [a, b] = await Promise.all([loadKeys(cluster, 'ns'), loadKeys(cluster, 'ns')])
    const c = await loadKeys(cluster, 'ns')
    expect(await cluster.list(SECRETS)).toHaveLength(1)
    for (const keys of [b, c]) {
      expect(keys.publicKey).toBe(a.publicKey)
      expect(keys.dataKey('u')).toBe(a.dataKey('u'))
      expect(keys.phoneHomeToken('n', 'p')).toBe(a.phoneHomeToken('n', 'p'))
    }
  })

  test('fills a Secret that was installed empty, once', async () => {
    const cluster = createMemoryCluster()
    const metadata = { namespace: 'ns', name: KEYS_SECRET, labels: { installed: 'yes' } }
    await cluster.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata })
    const [a, b] = await Promise.all([loadKeys(cluster, 'ns'), loadKeys(cluster, 'ns')])
    expect(b.dataKey('u')).toBe(a.dataKey('u'))
    expect((await loadKeys(cluster, 'ns')).publicKey).toBe(a.publicKey)
    expect((await cluster.get(SECRETS, metadata))?.metadata.labels).toEqual({ installed: 'yes' })
  })

  test('of a Secret that is gone and may not be made says what brings it back', async () => {
    const cluster = createMemoryCluster()
    const forbidden = new ClusterError('Forbidden', 'create Secret ns/dormouse-keys: secrets is forbidden')
    const bound = { ...cluster, get: async () => undefined, create: () => Promise.reject(forbidden) }
    await expect(loadKeys(bound as unknown as typeof cluster, 'ns')).rejects.toThrow(
      'create Secret ns/dormouse-keys: secrets is forbidden. The chart installs this Secret: `helm upgrade` brings it back, empty',
    )
  })

  test('signs what the public key verifies', async () => {
    const keys = await loadKeys(createMemoryCluster(), 'ns')
    const body = Buffer.from('body')
    const key = createPublicKey({ key: Buffer.from(keys.publicKey, 'base64'), format: 'der', type: 'spki' })
    expect(verify(null, body, key, Buffer.from(keys.sign(body), 'base64'))).toBe(true)
    expect(verify(null, Buffer.from('other'), key, Buffer.from(keys.sign(body), 'base64'))).toBe(false)
  })

  test('gives every pod its own key and token, and every cluster its own', async () => {
    const keys = await loadKeys(createMemoryCluster(), 'ns')
    const others = await loadKeys(createMemoryCluster(), 'ns')
    const derived = [keys.dataKey('a'), keys.dataKey('b'), keys.phoneHomeToken('n', 'a'), others.dataKey('a')]
    expect(new Set(derived).size).toBe(4)
    expect(keys.isPhoneHomeToken(keys.phoneHomeToken('n', 'a'), { namespace: 'n', name: 'a' })).toBe(true)
    expect(keys.isPhoneHomeToken(keys.phoneHomeToken('n', 'a'), { namespace: 'n', name: 'b' })).toBe(false)
    expect(keys.isPhoneHomeToken('', { namespace: 'n', name: 'a' })).toBe(false)
  })

  test('proves a claim for one pod, one function and one revision, in one cluster', async () => {
    const keys = await loadKeys(createMemoryCluster(), 'ns')
    const others = await loadKeys(createMemoryCluster(), 'ns')
    const claim = { podUid: 'p', function: 'n/f', revision: 'r' } as const
    const proof = keys.claimProof(claim)
    const near = [{ podUid: 'q' }, { function: 'n/g' as const }, { revision: 's' }].map((change) => ({
      ...claim,
      ...change,
    }))
    expect(keys.isClaimProof(proof, claim)).toBe(true)
    expect(near.map((other) => keys.isClaimProof(proof, other))).toEqual([false, false, false])
    expect([others.isClaimProof(proof, claim), keys.isClaimProof('', claim)]).toEqual([false, false])
  })

  const damage: [string, Record<string, string | null>, string][] = [
    ['a missing field', { hmac: null }, 'hmac'],
    ['a short secret', { hmac: 'AAAA' }, '32 bytes'],
    ['a broken private key', { privateKey: 'AAAA' }, 'privateKey'],
    ['a public key of another pair', { publicKey: 'AAAA' }, 'does not belong'],
  ]
  test.each(damage)('refuses %s with a sentence that names it', async (_name, data, part) => {
    const cluster = createMemoryCluster()
    await loadKeys(cluster, 'ns')
    await cluster.patch(SECRETS, { namespace: 'ns', name: KEYS_SECRET }, { data })
    const failure = loadKeys(cluster, 'ns')
    await expect(failure).rejects.toBeInstanceOf(KeysError)
    await expect(failure).rejects.toThrow(part)
  })
})

test('text of different length is different', () => {
  expect(sameText('a', 'ab')).toBe(false)
  expect(sameText('ab', 'ab')).toBe(true)
})
