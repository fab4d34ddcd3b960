import { expect, it } from '@jest/globals'
import { createLogger, type LogRecord } from '../../../lib/logger.ts'
import { SparingLog } from '../../../lib/sparing-log.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

it('says one of a kind in a while, and then how many there were', () => {
  const said: LogRecord[] = []
  const clock = new FakeClock()
  const log = new SparingLog({
    logger: createLogger({ sink: (record) => void said.push(record) }),
    clock,
    everyMs: 1_000,
  })
  const warn = (kind: string) => log.warn(kind, `${kind} again`, { kind })
  ;['away', 'away', 'slow', 'away'].forEach(warn)
  expect(said.map(({ message }) => message)).toEqual(['away again', 'slow again'])
  clock.advance(1_000)
  ;['away', 'away'].forEach(warn)
  expect(said.slice(2).map(({ fields }) => fields)).toEqual([{ kind: 'away', alsoBefore: 2 }])
})
