import { expect, test } from '@jest/globals'
import { Ending } from '../../../lib/ending.ts'
import { createLogger, type LogRecord } from '../../../lib/logger.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

function given() {
  const said: LogRecord[] = []
  const clock = new FakeClock()
  return { said, clock, ending: new Ending({ clock, logger: createLogger({ sink: (record) => said.push(record) }) }) }
}

test('a step that hangs is left behind after its limit, is said, and stays unfinished', async () => {
  const { said, clock, ending } = given()
  const step = ending.step('the log', () => new Promise(() => undefined), 3_000)
  expect(ending.unfinished).toEqual(['the log'])
  clock.advance(3_000)
  await step
  expect(ending).toMatchObject({ unfinished: ['the log'], hasFailed: true })
  expect(said.map(({ message }) => message)).toEqual([
    'expected the log to end within 3000 ms, it has not; goes on without it',
  ])
})

test('a step that throws is said with its error and keeps nobody from going on', async () => {
  const { said, ending } = given()
  await ending.step('the log', () => Promise.reject(new Error('no')), 3_000)
  expect(ending).toMatchObject({ unfinished: [], hasFailed: true })
  expect(said).toMatchObject([{ message: 'the log did not end cleanly', fields: { error: { message: 'no' } } }])
})

test('a step that ends leaves nothing: no timer, no word', async () => {
  const { said, clock, ending } = given()
  await ending.step('the log', async () => 'done', 3_000)
  expect(ending).toMatchObject({ unfinished: [], hasFailed: false })
  expect([said, clock.pending]).toEqual([[], 0])
})
