import { expect, test } from '@jest/globals'
import { DECIDED, recordsIn, replay } from '../../../../controller/autoscaler/recording.ts'
import type { ScaleRecord } from '../../../../controller/autoscaler/recording.ts'

/** As a controller's, with a line of something else before each. */
function log(records: string): string {
  const lines = records.trim().split('\n')
  return lines.map((line) => `{"message":"pod retired"}\n[pod/a] {"message":"${DECIDED}",${line.slice(1)}`).join('\n')
}

/** A minute of two functions, written down by a running autoscaler: woken, loaded, quiet, asleep. */
const RECORDING = log(`
{"function":"shop/cart","initial":{"nowMs":1000,"desired":1},"observation":{"nowMs":1000,"settings":{"concurrency":1,"target":0.7,"min":0,"max":20,"idleAfterMs":5000},"pods":1,"wish":1},"desired":1,"reason":"woken"}
{"function":"shop/cart","observation":{"nowMs":2000,"settings":{"concurrency":1,"target":0.7,"min":0,"max":20,"idleAfterMs":5000},"pods":1,"wish":0,"load":{"meanConcurrency":6.2,"active":7}},"desired":9,"reason":"load"}
{"function":"shop/mail","initial":{"nowMs":2000,"desired":0},"observation":{"nowMs":2000,"settings":{"concurrency":80,"target":0.7,"min":0,"max":5,"idleAfterMs":5000},"pods":0,"wish":2,"load":{"meanConcurrency":0,"active":0}},"desired":2,"reason":"woken"}
{"function":"shop/cart","observation":{"nowMs":3000,"settings":{"concurrency":1,"target":0.7,"min":0,"max":20,"idleAfterMs":5000},"pods":9,"wish":0},"desired":9,"reason":"held"}
{"function":"shop/cart","observation":{"nowMs":4000,"settings":{"concurrency":1,"target":0.7,"min":0,"max":20,"idleAfterMs":5000},"pods":9,"wish":0,"load":{"meanConcurrency":0.5,"active":0,"lastResponseAtMs":3900}},"desired":9,"reason":"recent"}
{"function":"shop/cart","observation":{"nowMs":9000,"settings":{"concurrency":1,"target":0.7,"min":0,"max":20,"idleAfterMs":5000},"pods":9,"wish":0,"load":{"meanConcurrency":0,"active":0,"lastResponseAtMs":3900}},"desired":0,"reason":"idle"}
`)

test('a recording replays to the decisions that were recorded', () => {
  const records = recordsIn(RECORDING)
  const decisions = replay(records).map(({ record, desired, reason }) => [record.function, desired, reason])
  expect(decisions).toEqual(records.map((record) => [record.function, record.desired, record.reason]))
})

test('another policy shows where it would have decided otherwise', () => {
  const [, grown] = replay(recordsIn(RECORDING), {
    stableWindowMs: 10_000,
    burstWindowMs: 2_000,
    downWindowMs: 500,
    downIntervalMs: 0,
    wakingMs: 0,
    forgottenMs: 0,
  }).slice(3)
  expect(grown?.desired).not.toBe(grown?.record.desired)
})

test('a damaged line is named', () => {
  expect(() => recordsIn(`${RECORDING}\n{"message":"${DECIDED}","func`)).toThrow(
    /line 13: expected a recorded decision/,
  )
})

test('a function that was forgotten begins anew where the recording says so', () => {
  const [first] = recordsIn(RECORDING)
  const again: ScaleRecord = {
    ...first!,
    initial: { nowMs: 50_000, desired: 4 },
    observation: { ...first!.observation, nowMs: 50_000, wish: 0 },
  }
  expect(replay([first!, again]).map(({ desired }) => desired)).toEqual([1, 4])
})
