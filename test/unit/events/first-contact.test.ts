import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from '@jest/globals'
import { FirstContact } from '../../../events/kafka/first-contact.ts'
import { createLogger } from '../../../lib/logger.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

function contact(answers: boolean[]) {
  const said: string[] = []
  const clock = new FakeClock()
  let closed = 0
  const log = {
    describe: async () => {
      if (answers.shift() !== true) throw new Error('refused')
      return []
    },
    close: async () => void closed++,
  }
  const logger = createLogger({ sink: ({ message }) => void said.push(message) })
  const made = new FirstContact({ brokers: ['k:1'], log, clock, logger, meanwhile: 'nothing happens' })
  return { said, clock, made, closed: () => closed }
}

it('a Kafka that answers at once is not spoken of', async () => {
  const { said, made, closed } = contact([true])
  await turn()
  expect([made.made, said, closed()]).toEqual([true, [], 1])
})

it('a Kafka that is away is spoken of once, and once more when it answers', async () => {
  const { said, clock, made, closed } = contact([false, false, true])
  await turn()
  expect([made.made, closed()]).toEqual([false, 0])
  clock.advance(5_000)
  await turn()
  clock.advance(5_000)
  await turn()
  expect(made.made).toBe(true)
  expect(said).toEqual([
    'Kafka at k:1 cannot be reached, trying on; meanwhile nothing happens (refused)',
    'Kafka at k:1 answers now',
  ])
})

it('looking for it ends when it is told to', async () => {
  const { made, closed } = contact([])
  await made.stop()
  expect([made.made, closed()]).toEqual([false, 1])
})
