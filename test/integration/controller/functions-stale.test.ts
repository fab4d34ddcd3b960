import { afterEach, expect, test } from '@jest/globals'
import { ClusterError } from '../../../kube/errors.ts'
import { endBeds, startBed } from './functions-bed.ts'

afterEach(endBeds)

test('a Function that others have changed while our watch is silent is not written to without end', async () => {
  const bed = await startBed()
  let writes = 0
  const patchStatus = async () => {
    writes += 1
    throw new ClusterError('Conflict', 'the object has been modified; please apply your changes to the latest version')
  }
  Object.assign(bed.cluster, { patchStatus })
  await bed.create('a')
  await bed.pass(10_000, 20)
  expect(writes).toBeGreaterThan(2)
  expect(writes).toBeLessThan(20)
})
