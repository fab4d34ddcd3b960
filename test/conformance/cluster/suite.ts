/**
 * What every adapter of the Cluster port must do, in words of the port alone. Written to run unchanged against a real API server with
 * our CRDs: each test has a namespace of its own, waits for what happens in the background, and needs neither kubelet nor scheduler.
 */
import { describe } from '@jest/globals'
import { describeApply } from './applying.ts'
import { describeCaches } from './caches.ts'
import { describeDelete, describeGarbageCollection, describePodDeletion } from './deletion.ts'
import { describeElection } from './electing.ts'
import { describeEvents } from './events.ts'
import type { ClusterHarness } from './harness.ts'
import { describeResize } from './resizing.ts'
import { describeCreate, describePatch, describeReads } from './writes.ts'

export function describeCluster(name: string, harness: ClusterHarness): void {
  describe(`the ${name} cluster:`, () => {
    describeCreate(harness)
    describeReads(harness)
    describePatch(harness)
    describeApply(harness)
    describeResize(harness)
    describeDelete(harness)
    describePodDeletion(harness)
    describeGarbageCollection(harness)
    describeCaches(harness)
    describeEvents(harness)
    describeElection(harness)
  })
}
