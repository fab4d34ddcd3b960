import { expect, test } from '@jest/globals'
import { SilentReplicas } from '../../../routing/silent-replicas.ts'

const ALL = ['a', 'b', 'c']

test('who did not answer is asked last, until it answers', () => {
  const silent = new SilentReplicas()
  silent.missed('a', ALL)
  expect(silent.order(ALL)).toEqual(['b', 'c', 'a'])
  silent.missed('c', ALL)
  expect(silent.order(['c', 'a', 'b'])).toEqual(['b', 'c', 'a'])
  silent.forget('a')
  expect(silent.order(ALL)).toEqual(['a', 'b', 'c'])
})

test('nobody waits for one that did not answer twice, while another answers', () => {
  const silent = new SilentReplicas()
  const [first, second, other] = [silent.watch('a'), silent.watch('a'), silent.watch('b')]
  silent.missed('a', ALL)
  expect(first.signal.aborted).toBe(false)
  second.end()
  silent.missed('a', ALL)
  expect([first, second, other].map(({ signal }) => signal.aborted)).toEqual([true, false, false])
})

test('one slow answer is no silence', () => {
  const silent = new SilentReplicas()
  const watch = silent.watch('a')
  silent.missed('a', ALL)
  silent.forget('a')
  silent.missed('a', ALL)
  expect(watch.signal.aborted).toBe(false)
})

test('when all are silent, each is waited for', () => {
  const silent = new SilentReplicas()
  const watch = silent.watch('a')
  for (const url of [...ALL, ...ALL, ...ALL]) silent.missed(url, ALL)
  expect(watch.signal.aborted).toBe(false)
  expect(silent.order(ALL)).toEqual(ALL)
})
