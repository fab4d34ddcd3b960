import { expect } from '@jest/globals'
import { API_VERSION } from '../../api/names.ts'
import { scenario, useBed } from './bed.ts'
import { born } from './births.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { loadImage, SERVER } from './image.ts'
import { kubectl } from './kubectl.ts'
import { functionOf, saying, type Manifest } from './manifests.ts'

describeOnCluster('a namespace of the restricted pod security standard', () => {
  const bed = useBed('restricted')

  scenario(bed, 'admits pods of pools, pods of their own and images', async () => {
    await kubectl(['label', 'namespace', bed.namespace, 'pod-security.kubernetes.io/enforce=restricted'])
    expect(await bed.refusal(ROOT_POD)).toMatch(/violates PodSecurity "restricted/)
    const image: Manifest = {
      apiVersion: API_VERSION,
      kind: 'Function',
      metadata: { name: 'image' },
      spec: { image: await loadImage('server', SERVER), signature: 'http' },
    }
    await bed.deploy(
      functionOf('pooled', saying('pooled')),
      functionOf('own', saying('own'), { serviceAccountName: 'default' }),
      image,
    )
    expect(json(await bed.call('pooled'))['says']).toBe('pooled')
    expect(json(await bed.call('own'))['says']).toBe('own')
    expect((await bed.call('image')).status).toBe(200)
    // Of each kind there was one, in this namespace.
    for (const prefix of ['node', 'own', 'image']) expect(await born(bed, prefix)).not.toEqual([])
  })
})

const ROOT_POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'root' },
  spec: { containers: [{ name: 'root', image: 'localhost/none:none' }] },
}
