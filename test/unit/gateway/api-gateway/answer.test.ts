import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { fromResult } from '../../../../gateway/api-gateway/answer.ts'

const of = (result: unknown) => fromResult(Buffer.from(JSON.stringify(result)))

/** Status, headers as pairs, body as text. */
function readable(answer: ReturnType<typeof fromResult>) {
  if (answer.kind === 'malformed') return answer
  const headers = Array.from({ length: answer.headers.length / 2 }, (_, i) => answer.headers.slice(2 * i, 2 * i + 2))
  return { status: answer.statusCode, headers, body: answer.body.toString() }
}

const JSON_TYPE = ['content-type', 'application/json']

describe('a result without statusCode is the body of a 200', () => {
  test.each<[unknown, string]>([
    [{ a: 1 }, '{"a":1}'],
    [[1, 2], '[1,2]'],
    ['Hello', 'Hello'],
    ['', ''],
    [5, '5'],
    [true, 'true'],
    [null, 'null'],
    [{ body: 'x', headers: {} }, '{"body":"x","headers":{}}'],
  ])('%j', (result, body) => expect(readable(of(result))).toEqual({ status: 200, headers: [JSON_TYPE], body }))

  test('byte for byte as the function wrote it', () => {
    const payload = Buffer.from('{ "big": 12345678901234567890, "a": 1.0 }')
    expect(fromResult(payload)).toMatchObject({ kind: 'answer', body: payload })
  })

  test('whatever it is', () => {
    const anything = fc
      .jsonValue()
      .filter((value) => typeof value !== 'string' && !Object.hasOwn(Object(value) as object, 'statusCode'))
    fc.assert(
      fc.property(anything, (value) => {
        expect(readable(of(value))).toEqual({ status: 200, headers: [JSON_TYPE], body: JSON.stringify(value) })
      }),
    )
  })
})

describe('a result with statusCode is the answer', () => {
  test('status, headers, cookies and body', () => {
    const result = {
      statusCode: 201,
      headers: { 'Content-Type': 'text/html', 'X-Number': 5, 'x-bool': true, 'x-null': null },
      cookies: ['a=1; Path=/', 'b=2'],
      body: '<p>hä</p>',
    }
    expect(readable(of(result))).toEqual({
      status: 201,
      headers: [
        ['content-type', 'text/html'],
        ['x-number', '5'],
        ['x-bool', 'true'],
        ['set-cookie', 'a=1; Path=/'],
        ['set-cookie', 'b=2'],
      ],
      body: '<p>hä</p>',
    })
  })

  test('only the status is needed', () => {
    expect(readable(of({ statusCode: 404 }))).toEqual({ status: 404, headers: [], body: '' })
    expect(readable(of({ statusCode: 200, headers: null, cookies: null, body: null }))).toMatchObject({
      status: 200,
      body: '',
    })
  })

  test('a body without a type is plain text', () => {
    expect(readable(of({ statusCode: 200, body: 'x', headers: { 'x-a': 'content-type' } }))).toMatchObject({
      headers: [
        ['x-a', 'content-type'],
        ['content-type', 'text/plain; charset=utf-8'],
      ],
    })
  })

  test('a status written as text counts', () => {
    expect(readable(of({ statusCode: '202' }))).toMatchObject({ status: 202 })
  })

  test('a base64 body is decoded', () => {
    const bytes = Buffer.from([0, 255, 128])
    expect(of({ statusCode: 200, body: bytes.toString('base64'), isBase64Encoded: true })).toMatchObject({
      body: bytes,
    })
    expect(readable(of({ statusCode: 200, body: 'YQ==', isBase64Encoded: false }))).toMatchObject({ body: 'YQ==' })
  })

  test.each([204, 304])('%d has no body', (statusCode) => {
    expect(readable(of({ statusCode, body: 'x' }))).toEqual({ status: statusCode, headers: [], body: '' })
  })

  test('multiValueHeaders are those of format 1.0 and ignored', () => {
    expect(readable(of({ statusCode: 200, multiValueHeaders: { a: ['1'] } }))).toMatchObject({ headers: [] })
  })

  test('headers of the connection and our own are dropped', () => {
    const headers = {
      Connection: 'close',
      'Content-Length': '99',
      'transfer-encoding': 'chunked',
      'Dormouse-Error': 'x',
      'x-ok': '1',
    }
    expect(readable(of({ statusCode: 200, headers }))).toMatchObject({ headers: [['x-ok', '1']] })
  })

  test('names that differ in case are one header', () => {
    expect(readable(of({ statusCode: 200, headers: { 'X-A': '1', 'x-a': '2' } }))).toMatchObject({
      headers: [['x-a', '2']],
    })
  })
})

describe('a malformed result is refused with what was expected', () => {
  test.each<[unknown, string]>([
    [{ statusCode: 'abc' }, 'expected statusCode to be an integer from 200 to 599, got "abc"'],
    [{ statusCode: null }, 'expected statusCode to be an integer from 200 to 599, got null'],
    [{ statusCode: 99 }, 'expected statusCode to be an integer from 200 to 599, got 99'],
    [{ statusCode: 101 }, 'expected statusCode to be an integer from 200 to 599, got 101'],
    [{ statusCode: 600 }, 'expected statusCode to be an integer from 200 to 599, got 600'],
    [{ statusCode: 200.5 }, 'expected statusCode to be an integer from 200 to 599, got 200.5'],
    [{ statusCode: {} }, 'expected statusCode to be an integer from 200 to 599, got {}'],
    [{ statusCode: 200, headers: 'x' }, 'expected headers to be an object, got "x"'],
    [{ statusCode: 200, headers: ['x'] }, 'expected headers to be an object, got ["x"]'],
    [{ statusCode: 200, headers: { 'a b': 'x' } }, 'expected a header name, got "a b"'],
    [{ statusCode: 200, headers: { a: ['x'] } }, 'expected header a to be a string, got ["x"]'],
    [
      { statusCode: 200, headers: { a: 'x\r\nb: y' } },
      'expected header a without control characters and within Latin-1, got "x\\r\\nb: y"',
    ],
    [
      { statusCode: 200, headers: { a: '€' } },
      'expected header a without control characters and within Latin-1, got "€"',
    ],
    [{ statusCode: 200, cookies: 'a=1' }, 'expected cookies to be a list of strings, got "a=1"'],
    [{ statusCode: 200, cookies: [1] }, 'expected cookies to be a list of strings, got 1 in it'],
    [
      { statusCode: 200, cookies: ['a\nb'] },
      'expected cookies without control characters and within Latin-1, got "a\\nb"',
    ],
    [{ statusCode: 200, body: { a: 1 } }, 'expected body to be a string, got {"a":1}'],
    [
      { statusCode: 200, body: '€', isBase64Encoded: true },
      'expected body to be base64 as isBase64Encoded says, got "€"',
    ],
  ])('%j', (result, message) => expect(of(result)).toEqual({ kind: 'malformed', message }))

  test('what is no JSON', () => {
    expect(fromResult(Buffer.from('<html>'))).toEqual({
      kind: 'malformed',
      message: 'expected the function to answer JSON, got something else',
    })
    expect(fromResult(Buffer.alloc(0))).toMatchObject({ kind: 'malformed' })
  })

  test('long values are cut', () => {
    const answer = of({ statusCode: 'x'.repeat(1000) })
    expect(answer).toMatchObject({ kind: 'malformed', message: expect.stringMatching(/^.{80,140}…$/) })
  })
})

test('whatever the function returns, the answer can be written', () => {
  const header = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.constant(null)))
  const result = fc.record(
    { statusCode: fc.integer(), headers: header, cookies: fc.array(fc.string()), body: fc.string() },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(result, (value) => {
      const answer = of(value)
      if (answer.kind === 'malformed') return
      expect(answer.headers.length % 2).toBe(0)
      for (const text of answer.headers) expect(text).not.toMatch(/[\r\n\0]/)
    }),
  )
})

describe('in payload format 1.0', () => {
  const v1 = (result: unknown) => readable(fromResult(Buffer.from(JSON.stringify(result)), '1.0'))

  test('lists of headers are said one by one, after single ones, and JSON is what has no type', () => {
    expect(
      v1({
        statusCode: 200,
        headers: { 'X-One': 'a', 'X-Both': 'same', 'X-More': 'first' },
        multiValueHeaders: { 'Set-Cookie': ['a=1', 'b=2'], 'x-both': ['same'], 'X-More': ['second'] },
        body: '{}',
      }),
    ).toEqual({
      status: 200,
      headers: [
        ['x-one', 'a'],
        ['x-more', 'first'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
        ['x-both', 'same'],
        ['x-more', 'second'],
        ['content-type', 'application/json'],
      ],
      body: '{}',
    })
  })

  test.each<[string, unknown, string]>([
    [
      'no statusCode',
      { message: 'hi' },
      'expected an object with statusCode, as payload format 1.0 has, got {"message":"hi"}',
    ],
    ['text', 'hi', 'expected an object with statusCode, as payload format 1.0 has, got "hi"'],
    ['a body that is no text', { statusCode: 200, body: {} }, 'expected body to be a string, got {}'],
    [
      'no lists',
      { statusCode: 200, multiValueHeaders: { a: 'b' } },
      'expected multiValueHeaders to have lists, got "b" for a',
    ],
    [
      'lists of something else',
      { statusCode: 200, multiValueHeaders: { a: [{}] } },
      'expected header a to be a string, got {}',
    ],
    ['no object', { statusCode: 200, multiValueHeaders: [] }, 'expected multiValueHeaders to be an object, got []'],
  ])('a result with %s is malformed', (_what, result, message) => {
    expect(v1(result)).toEqual({ kind: 'malformed', message })
  })

  test('of those to other formats lists are nothing', () => {
    const answer = of({ statusCode: 200, multiValueHeaders: { 'set-cookie': ['a=1'] }, body: 'x' })
    expect(readable(answer)).toMatchObject({ headers: [['content-type', 'text/plain; charset=utf-8']] })
  })
})
