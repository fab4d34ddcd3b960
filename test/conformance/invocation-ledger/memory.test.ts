import { describe } from '@jest/globals'
import { MAX_RESULT_BYTES } from '../../../events/invocation-ledger.ts'
import { MemoryLedger } from '../../../events/memory-ledger.ts'
import { describeLedger } from './suite.ts'

describe('a ledger in memory', () => {
  describeLedger({
    maxResultBytes: MAX_RESULT_BYTES,
    open: async () => new MemoryLedger(),
    close: async () => undefined,
  })
})
