import { afterAll, beforeAll } from '@jest/globals'
import { FUNCTIONS } from '../../../api/kinds.ts'
import type { ClientNodeCluster } from '../../../kube/client-node/client-node-cluster.ts'
import {
  deleteNamespace,
  describeOnCluster,
  newKindLike,
  newNamespace,
  openCluster,
} from '../../builders/kube-cluster.ts'
import { describeCluster } from './suite.ts'

describeOnCluster('on a real API server', () => {
  let cluster: ClientNodeCluster
  let functions: Awaited<ReturnType<typeof newKindLike<typeof FUNCTIONS.__type & object>>>
  beforeAll(async () => {
    cluster = await openCluster()
    functions = await newKindLike(cluster, FUNCTIONS, 'dormouse.dev_functions.yaml')
  })
  afterAll(async () => {
    await functions?.remove()
    await cluster?.close()
  })

  describeCluster('client-node', {
    timeLimitMs: 20_000,
    open: async () => {
      const namespace = await newNamespace(cluster)
      return { cluster, namespace, functions: functions.kind, close: () => deleteNamespace(cluster, namespace) }
    },
  })
})
