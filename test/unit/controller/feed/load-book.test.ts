import { expect, test } from '@jest/globals'
import { createLoadBook } from '../../../../controller/feed/load-book.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

test('keeps the latest report of each data plane, and forgets those older than 5 s', () => {
  const clock = new FakeClock()
  const book = createLoadBook(clock)
  book.put({ reporter: 'a', version: 1, functions: [] })
  book.put({ reporter: 'a', version: 2, functions: [] })
  clock.advance(4_000)
  book.put({ reporter: 'b', functions: [] })
  expect(book.fresh().map(({ report }) => [report.reporter, report.version])).toEqual([
    ['a', 2],
    ['b', undefined],
  ])
  clock.advance(1_001)
  expect(book.fresh().map(({ report }) => report.reporter)).toEqual(['b'])
})
