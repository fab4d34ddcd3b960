import { FUNCTIONS } from '../../../api/kinds.ts'
import { admit } from '../../../api/validate.ts'
import { createMemoryCluster } from '../../../kube/memory/memory-cluster.ts'
import { describeCluster } from './suite.ts'

describeCluster('memory', {
  // An election waits for a Lease to run out.
  timeLimitMs: 4_000,
  open: async () => ({
    cluster: createMemoryCluster({ admit, onError: () => undefined }),
    namespace: 'test',
    functions: FUNCTIONS,
    close: async () => undefined,
  }),
})
