import { expect, test } from '@jest/globals'
import { countsOf, countsOfCalls, countsSince } from '../../soak/event-counts.ts'

const scrape = (attempts: number) => `# TYPE dormouse_dispatcher_attempts_total counter
dormouse_dispatcher_attempts_total{kind="trigger",name="default/a",outcome="done"} ${attempts}
dormouse_dispatcher_attempts_total{kind="trigger",name="default/ab",outcome="done"} 100
dormouse_dispatcher_retries_total{kind="trigger",name="default/a",delay="50"} 2
dormouse_dispatcher_commits_total{kind="trigger",name="default/a",outcome="failed"} 1
dormouse_dispatcher_held_total{kind="trigger",name="default/a"} 3
`

test('counts of one Trigger are those of all dispatchers together, and of no other Trigger', () => {
  expect(countsOf([scrape(1), scrape(4)], 'default/a')).toEqual({
    ...{ attempts: { done: 5 }, retries: { 50: 4 }, deadLetters: {}, held: 6, commitFailures: 2 },
    ...{ duplicatesSkipped: 0, publishFailures: 0, logErrors: 0, rebalances: 0 },
  })
})

test('of calls the metrics should tell the outcomes, a retry for each failure but the last, and its dead letter', () => {
  const calls = [
    ...[1, 2, 3].map((attempt) => ({ isOk: false, attempt })),
    ...[
      { isOk: false, attempt: 1 },
      { isOk: true, attempt: 2 },
    ],
  ]
  const all = countsOfCalls(calls)
  expect(all).toEqual({
    attempts: { done: 1, 'http-5xx': 4 },
    retries: { 100: 2, 200: 1 },
    deadLetters: { 'http-5xx': 1 },
  })
  expect(countsSince(all, countsOfCalls(calls.slice(0, 3)))).toEqual({
    ...{ attempts: { done: 1, 'http-5xx': 1 }, retries: { 100: 1 }, deadLetters: {} },
  })
})
