import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { mistakeIn } from '../../../dispatcher/deliver/cloud-event.ts'
import { headerAttributes } from '../../../dispatcher/deliver/header-attributes.ts'
import type { Header } from '../../../events/event-log.ts'

const header = (name: string, value: string | Buffer): Header => [name, Buffer.from(value as string)]
const of = (...pairs: [string, string | Buffer][]) =>
  headerAttributes(pairs.map(([name, value]) => header(name, value)))

test('headers of a plain record are extensions named kafkaheader and what is allowed of their name', () => {
  expect(of(['Tenant-Id', 'ada'], ['source.system', 'Zürich'])).toEqual({
    kafkaheadertenantid: 'ada',
    kafkaheadersourcesystem: 'Zürich',
  })
})

test('of several of one name the last counts', () => {
  expect(of(['a', '1'], ['A', '2'])).toEqual({ kafkaheadera: '2' })
})

test.each<[string, [string, string | Buffer]]>([
  ['what the request says elsewhere', ['Content-Type', 'text/plain']],
  ['traces', ['traceparent', 't']],
  ['what the platform wrote', ['dormouse-error-message', 'm']],
  ['how far a record has come', ['dormouse-hops', '1']],
  ['what dead letters tell', ['__dlq.errors.topic', 't']],
  ['bytes that are no text', ['a', Buffer.from([0xff, 0])]],
  ['empty values', ['a', '']],
  ['names without a letter or digit', ['-', 'x']],
  ['a value that no head has room for', ['a', 'x'.repeat(9_000)]],
])('%s are none', (_, pair) => {
  expect(of(pair, ['b', '1'])).toEqual({ kafkaheaderb: '1' })
})

test('all of them together leave room in a head of 16 KiB', () => {
  const many = Array.from({ length: 1_000 }, (_, n): [string, string] => [`h${n}`, 'é'.repeat(20)])
  const found = Object.entries(of(...many))
  expect(found.length).toBeGreaterThan(40)
  expect(found.reduce((sum, [name, value]) => sum + name.length + encodeURIComponent(value).length, 0)).toBeLessThan(
    8_193,
  )
})

test('whatever headers a record has, its event is one', () => {
  const bytes = fc.uint8Array({ maxLength: 20 }).map((list) => Buffer.from(list))
  const base = { specversion: '1.0', id: 'i', source: '/s', type: 't' }
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), bytes)), (pairs) => {
      expect(mistakeIn({ ...headerAttributes(pairs), ...base })).toBeUndefined()
    }),
  )
})
