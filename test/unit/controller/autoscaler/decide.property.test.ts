import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decide, initialScaleState } from '../../../../controller/autoscaler/decide.ts'
import type { ScaleDecision, ScaleObservation, ScaleSettings } from '../../../../controller/autoscaler/decide.ts'

const START_MS = 1_000_000

const settings: fc.Arbitrary<ScaleSettings> = fc
  .record({
    concurrency: fc.integer({ min: 1, max: 100 }),
    target: fc.double({ min: 0.05, max: 1, noNaN: true }),
    min: fc.integer({ min: 0, max: 5 }),
    spread: fc.integer({ min: 1, max: 50 }),
    idleAfterMs: fc.integer({ min: 1_000, max: 60_000 }),
  })
  .map(({ spread, ...rest }) => ({ ...rest, max: rest.min + spread }))

/** One second: how much ran, whether anybody said so, and wake-ups. */
const second = fc.record({
  isFresh: fc.boolean(),
  meanConcurrency: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 500, noNaN: true })),
  wish: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 60 }) }),
})
type Second = typeof second extends fc.Arbitrary<infer S> ? S : never
const story = fc.record({
  settings,
  initial: fc.integer({ min: 0, max: 30 }),
  seconds: fc.array(second, { maxLength: 90 }),
})

function observe(at: Second, nowMs: number, its: { settings: ScaleSettings; pods: number }): ScaleObservation {
  const { meanConcurrency } = at
  const load = { meanConcurrency, active: Math.ceil(meanConcurrency) }
  return { nowMs, ...its, wish: at.wish, ...(at.isFresh && { load }) }
}

interface Step {
  observation: ScaleObservation
  before: number
  decision: ScaleDecision
}

function play(told: typeof story extends fc.Arbitrary<infer S> ? S : never): Step[] {
  let state = initialScaleState(START_MS, told.initial)
  return told.seconds.map((at, index) => {
    const before = state.desired
    const observation = observe(at, START_MS + (index + 1) * 1_000, { settings: told.settings, pods: before })
    const decision = decide(state, observation)
    state = decision.state
    return { observation, before, decision }
  })
}

test('never less than min nor more than max, and always a whole number', () => {
  fc.assert(
    fc.property(story, (told) => {
      for (const { decision } of play(told)) {
        expect(decision.desired).toBeGreaterThanOrEqual(told.settings.min)
        expect(decision.desired).toBeLessThanOrEqual(told.settings.max)
        expect(Number.isInteger(decision.desired)).toBe(true)
      }
    }),
  )
})

test('never down without a fresh report, except to a lower max', () => {
  fc.assert(
    fc.property(story, (told) => {
      for (const { observation, before, decision } of play(told))
        if (!observation.load) expect(decision.desired).toBeGreaterThanOrEqual(Math.min(before, told.settings.max))
    }),
  )
})

test('never to zero while something runs, nor before idleAfter has passed since anything ran', () => {
  fc.assert(
    fc.property(story, (told) => {
      let lastActiveMs = START_MS
      for (const { observation, before, decision } of play(told)) {
        const { load, nowMs, wish } = observation
        if (wish > 0 || (load && load.active > 0)) lastActiveMs = nowMs
        const wasAwake = before > 0 || wish > 0
        if (wasAwake && nowMs - lastActiveMs < told.settings.idleAfterMs) expect(decision.desired).toBeGreaterThan(0)
      }
    }),
  )
})

test('at most half of the pods go at once, unless all are idle', () => {
  fc.assert(
    fc.property(story, (told) => {
      for (const { before, decision } of play(told))
        if (decision.reason !== 'idle' && before <= told.settings.max && decision.desired !== told.settings.min)
          expect(decision.desired).toBeGreaterThanOrEqual(Math.ceil(before / 2))
    }),
  )
})

test('when the last 2 s ask for twice what there is, it is there at once', () => {
  fc.assert(
    fc.property(settings, fc.integer({ min: 1, max: 10 }), fc.integer({ min: 2, max: 5 }), (any, desired, factor) => {
      const its = { ...any, min: 0 }
      const meanConcurrency = desired * factor * its.concurrency * its.target
      let state = initialScaleState(START_MS, desired)
      const quiet = { meanConcurrency: 0, active: 1 }
      for (let tick = 1; tick <= 10; tick += 1)
        state = {
          ...decide(state, { nowMs: START_MS + tick * 1_000, settings: its, pods: desired, wish: 0, load: quiet })
            .state,
          desired,
        }
      for (const atMs of [11_000, 12_000])
        state = decide(state, {
          nowMs: START_MS + atMs,
          settings: its,
          pods: desired,
          wish: 0,
          load: { meanConcurrency, active: 1 },
        }).state
      expect(state.desired).toBeGreaterThanOrEqual(Math.min(its.max, desired * factor))
    }),
  )
})

test('more load never leads to fewer pods', () => {
  const raises = fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { minLength: 90, maxLength: 90 })
  fc.assert(
    fc.property(story, raises, (told, more) => {
      const steps = play(told)
      const lastStep = steps.at(-1)
      if (!lastStep?.observation.load) return
      const { state: before } = steps.at(-2)?.decision ?? { state: initialScaleState(START_MS, told.initial) }
      const raised = {
        ...before,
        samples: before.samples.map((s, i) => ({ ...s, concurrency: s.concurrency + more[i]! })),
      }
      const { observation } = lastStep
      const meanConcurrency = lastStep.observation.load.meanConcurrency + more[50]!
      const heavier = { ...observation, load: { meanConcurrency, active: Math.ceil(meanConcurrency) } }
      expect(decide(raised, heavier).desired).toBeGreaterThanOrEqual(decide(before, observation).desired)
    }),
  )
})
