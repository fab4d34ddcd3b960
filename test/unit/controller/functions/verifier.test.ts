import { expect, test } from '@jest/globals'
import { FunctionMemory } from '../../../../controller/functions/function-memory.ts'
import { Verifier } from '../../../../controller/functions/verifier.ts'
import type { Verification } from '../../../../controller/functions/verifier.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { template } from '../../../builders/function-observation.ts'

function bed(concurrency = 1) {
  const ran: string[] = []
  const releases: (() => void)[] = []
  const clock = new FakeClock()
  const crowd = { isThere: false }
  const verifier = new Verifier({
    concurrency,
    clock,
    isCrowd: () => crowd.isThere,
    run: ({ key, template: { revision } }) => {
      ran.push(`${key} ${revision}`)
      return new Promise((release) => releases.push(release))
    },
  })
  const request = (name: string, revision: string, isUpdate = false): Verification => ({
    key: `a/${name}`,
    template: template(revision),
    isUpdate,
    memory: new FunctionMemory(`a/${name}`, 'u'),
  })
  const release = async () => {
    releases.shift()?.()
    await Promise.resolve().then(() => undefined)
    await Promise.resolve()
  }
  return { ran, verifier, request, release, crowd, clock }
}

test('runs a few at a time, updates before first revisions, each kind in order', async () => {
  const { ran, verifier, request, release } = bed()
  verifier.request(request('x', 'r1'))
  verifier.request(request('y', 'r1'))
  verifier.request(request('z', 'r2', true))
  for (let round = 0; round < 3; round += 1) await release()
  expect(ran).toEqual(['a/x r1', 'a/z r2', 'a/y r1'])
})

test('asking again for what runs starts nothing, and drops what waited instead of it', async () => {
  const { ran, verifier, request, release } = bed()
  verifier.request(request('x', 'r1'))
  verifier.request(request('x', 'r2'))
  verifier.request(request('x', 'r1'))
  await release()
  expect(ran).toEqual(['a/x r1'])
})

test('of one function only the latest waits', async () => {
  const { ran, verifier, request, release } = bed()
  verifier.request(request('x', 'r1'))
  verifier.request(request('y', 'r1'))
  verifier.request(request('y', 'r2'))
  await release()
  expect(ran).toEqual(['a/x r1', 'a/y r2'])
})

test('in a crowd new ones wait until it has gone, and updates do not', async () => {
  const { ran, verifier, request, release, crowd } = bed()
  verifier.request(request('first', 'r1'))
  for (let number = 0; number < 3; number += 1) verifier.request(request(`x${number}`, 'r1'))
  crowd.isThere = true
  await release()
  expect(ran).toEqual(['a/first r1'])
  verifier.request(request('changed', 'r2', true))
  expect(ran).toEqual(['a/first r1', 'a/changed r2'])
  await release()
  expect(ran).toHaveLength(2)
  crowd.isThere = false
  verifier.withdraw('a/x0')
  expect(ran.slice(2)).toEqual(['a/x1 r1'])
})

test('what is withdrawn or asked after the stop is never run', async () => {
  const { ran, verifier, request, release, clock } = bed()
  verifier.request(request('x', 'r1'))
  verifier.request(request('y', 'r1'))
  verifier.withdraw('a/y')
  verifier.stop()
  expect(clock.pending).toBe(0)
  verifier.request(request('z', 'r1'))
  await release()
  expect(ran).toEqual(['a/x r1'])
})

test('slow ones keep others waiting for ten seconds, and are not run twice for it', async () => {
  const { ran, verifier, request, clock } = bed(2)
  for (const name of ['slow', 'slower', 'third', 'fourth', 'fifth']) verifier.request(request(name, 'r1'))
  clock.advance(9_999)
  expect(ran).toEqual(['a/slow r1', 'a/slower r1'])
  clock.advance(1)
  expect(ran).toEqual(['a/slow r1', 'a/slower r1', 'a/third r1', 'a/fourth r1'])
  verifier.request(request('slow', 'r1'))
  clock.advance(10_000)
  expect(ran.slice(4)).toEqual(['a/fifth r1'])
})

test('a slot that was given on is not given on again when the slow one ends', async () => {
  const { ran, verifier, request, release, clock } = bed()
  for (const name of ['slow', 'second', 'third']) verifier.request(request(name, 'r1'))
  clock.advance(10_000)
  expect(ran).toEqual(['a/slow r1', 'a/second r1'])
  await release()
  expect(ran).toHaveLength(2)
  await release()
  expect(ran).toEqual(['a/slow r1', 'a/second r1', 'a/third r1'])
  await release()
  expect(clock.pending).toBe(0)
})
