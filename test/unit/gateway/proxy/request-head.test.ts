import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readHead } from '../../../../gateway/proxy/request-head.ts'

const names = ({ headers }: { headers: string[] }) =>
  headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())

test('what the gateway must know is read in one pass, whatever the case of names', () => {
  const head = readHead([
    'HOST',
    'a.example',
    'Content-Length',
    '12',
    'EXPECT',
    '100-Continue',
    'X-Request-ID',
    'id-1',
    'x-forwarded-for',
    '1.1.1.1',
    'X-Forwarded-For',
    '2.2.2.2',
    'Accept',
    '*/*',
  ])
  expect(head).toMatchObject({
    host: 'a.example',
    contentLength: 12,
    hasBody: true,
    expectsContinue: true,
    requestId: 'id-1',
    forwardedFor: '1.1.1.1, 2.2.2.2',
    headers: ['X-Request-ID', 'id-1', 'Accept', '*/*'],
  })
})

test('Connection cannot hide length, host or encoding from us', () => {
  const head = readHead(['Connection', 'host, content-length, transfer-encoding', 'Host', 'a', 'Content-Length', '5'])
  expect(head).toMatchObject({ host: 'a', contentLength: 5, hasBody: true })
})

test('repeated headers stay repeated and in order', () => {
  const raw = ['Cookie', 'a=1', 'X', '1', 'cookie', 'b=2', 'x', '2']
  expect(readHead(raw).headers).toEqual(raw)
})

test('property: nothing hop-by-hop, named by Connection, or ours is ever passed on', () => {
  const name = fc.constantFrom(
    'Connection',
    'TE',
    'Upgrade',
    'Keep-Alive',
    'X-A',
    'x-b',
    'X-C',
    'Dormouse-Key',
    'dormouse-x',
    'Accept',
  )
  const value = fc.constantFrom('x-a', 'X-B, close', 'keep-alive', 'x-c,x-a', '1', 'dormouse-key')
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
      const named = pairs
        .filter(([key]) => key === 'Connection')
        .flatMap(([, tokens]) =>
          tokens
            .toLowerCase()
            .split(',')
            .map((token) => token.trim()),
        )
      const passed = names(readHead(pairs.flat()))
      for (const forbidden of ['connection', 'te', 'upgrade', 'keep-alive', 'dormouse-key', 'dormouse-x', ...named])
        expect(passed).not.toContain(forbidden)
      expect(passed.filter((key) => key === 'accept')).toHaveLength(pairs.filter(([key]) => key === 'Accept').length)
    }),
  )
})
