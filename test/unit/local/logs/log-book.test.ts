import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createLineSplitter } from '../../../../local/logs/line-splitter.ts'
import { createLogBook, RING_BYTES } from '../../../../local/logs/log-book.ts'
import type { LogLine } from '../../../../local/logs/log-line.ts'

const texts = (lines: LogLine[]) => lines.map(({ text }) => text)
const openClaimed = (book = createLogBook(), pod = 'p') => ({
  book,
  log: book.open({ pod, runtime: 'node', function: 'ns/fn' }),
})
const bytes = (text: string) => Buffer.from(text)

describe('splitting', () => {
  test('however bytes are cut into chunks, the lines are the same', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: 'binary' }).map((s) => s.replaceAll('\n', '')),
          { maxLength: 8 },
        ),
        fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
        (lines, sizes) => {
          const splitter = createLineSplitter()
          const got: string[] = []
          let rest = bytes(lines.map((line) => `${line}\n`).join(''))
          while (rest.length > 0) {
            const size = sizes.next().value as number
            splitter.push(rest.subarray(0, size), (line) => got.push(line))
            rest = rest.subarray(size)
          }
          expect(got).toEqual(lines.map((line) => bytes(line).toString()))
        },
      ),
    )
  })

  test('text without end is cut, not kept for ever', () => {
    const splitter = createLineSplitter()
    const got: string[] = []
    for (let i = 0; i < 40; i += 1) splitter.push(Buffer.alloc(4096, 'x'), (line) => got.push(line))
    expect(got.length).toBe(2)
  })

  test.each(['é', '€', '😀'])('text without end is cut between characters, whatever stands at the cut: %s', (char) => {
    for (const before of ['', 'a', 'aa', 'aaa']) {
      const splitter = createLineSplitter()
      const text = before + char.repeat(50_000)
      const got: string[] = []
      for (let at = 0, all = bytes(text); at < all.length; at += 4_096)
        splitter.push(all.subarray(at, at + 4_096), (line) => got.push(line))
      splitter.flush((line) => got.push(line))
      expect(got.length).toBeGreaterThan(1)
      expect(got.join('') === text).toBe(true)
    }
  })

  test('bytes without end that are no characters are cut all the same', () => {
    for (const byte of [0x80, 0xbf, 0xc3, 0xf0, 0xff]) {
      const splitter = createLineSplitter()
      const got: string[] = []
      for (let i = 0; i < 40; i += 1) splitter.push(Buffer.alloc(4096, byte), (line) => got.push(line))
      expect(got.length).toBe(2)
    }
  })
})

test('lines of pods that write at the same time are not mixed', () => {
  const { book, log: a } = openClaimed()
  const b = book.open({ pod: 'q', runtime: 'node', function: 'ns/fn' })
  a.write('stdout', bytes('first half, '))
  b.write('stdout', bytes('other\n'))
  a.write('stdout', bytes('second half\n'))
  expect(texts(book.tail('ns/fn', 10))).toEqual(['other', 'first half, second half'])
})

test('tail gives the newest lines, oldest first', () => {
  const { book, log } = openClaimed()
  log.write('stdout', bytes('1\n2\n3\n'))
  expect(texts(book.tail('ns/fn', 2))).toEqual(['2', '3'])
  expect(book.tail('ns/fn', 0)).toEqual([])
  expect(book.tail('ns/unknown', 5)).toEqual([])
})

test('memory is bounded, the oldest goes first', () => {
  const { book, log } = openClaimed()
  for (let i = 0; i < 3000; i += 1) log.write('stdout', bytes(`${String(i).padStart(999, '0')}\n`))
  const kept = book.tail('ns/fn', 10_000)
  expect(kept.length).toBeLessThanOrEqual(RING_BYTES / 1000)
  expect(kept.length).toBeGreaterThan(RING_BYTES / 1000 - 2)
  expect(Number(kept.at(-1)!.text)).toBe(2999)
})

describe('a pod that is not claimed yet', () => {
  test('gives its lines to the function that claims it, and followers see them then', () => {
    const book = createLogBook()
    const log = book.open({ pod: 'p', runtime: 'node', function: undefined })
    const seen: string[] = []
    book.follow('ns/fn', ({ text }) => seen.push(text))
    log.write('stdout', bytes('loading\n'))
    expect(seen).toEqual([])
    log.claim('ns/fn')
    log.write('stdout', bytes('serving\n'))
    expect(seen).toEqual(['loading', 'serving'])
    expect(texts(book.tail('ns/fn', 9))).toEqual(['loading', 'serving'])
  })

  test('leaves its lines to its runtime when it ends unclaimed', () => {
    const book = createLogBook()
    const log = book.open({ pod: 'p', runtime: 'node', function: undefined })
    log.write('stderr', bytes('cannot start\n'))
    log.close()
    expect(texts(book.tail('runtime:node', 9))).toEqual(['cannot start'])
  })
})

test('a follower gets lines as they are completed, the unfinished one at the end, and none after it has gone', () => {
  const { book, log } = openClaimed()
  const seen: string[] = []
  const stop = book.follow(undefined, ({ stream, text }) => seen.push(`${stream} ${text}`))
  log.write('stdout', bytes('a\nb'))
  log.write('stderr', bytes('e\n'))
  log.close()
  expect(seen).toEqual(['stdout a', 'stderr e', 'stdout b'])
  stop()
  openClaimed(book, 'q').log.write('stdout', bytes('c\n'))
  expect(seen.length).toBe(3)
})

test('last words are the newest 2 KB of stderr', () => {
  const { log } = openClaimed()
  log.write('stdout', bytes('no\n'))
  log.write('stderr', bytes(`${'x'.repeat(3000)}\n`))
  log.write('stderr', bytes('the end\n'))
  expect(log.lastWords().length).toBeLessThanOrEqual(2048)
  expect(log.lastWords().endsWith('x\nthe end')).toBe(true)
})
