import { describe, expect, test } from '@jest/globals'
import { parseDocuments } from '../../../../cli/manifests/parse-documents.ts'

const TWO = `# comment
apiVersion: dormouse.dev/v1alpha1
kind: Function
metadata:
  name: a
spec:
  env:
    - name: A
      value: "1"
    - name: B
---
kind: Trigger
spec:
  http: { path: /x }
`

describe('a file of several documents', () => {
  const { documents, mistakes } = parseDocuments('a.yaml', TWO)

  test('gives each document its value', () => {
    expect(mistakes).toEqual([])
    expect(documents.map(({ value }) => value.kind)).toEqual(['Function', 'Trigger'])
  })

  test.each([
    [['spec', 'env', 1, 'name'], { line: 10, column: 7 }],
    [['spec', 'env', 0, 'value'], { line: 9, column: 7 }],
    [['metadata'], { line: 4, column: 1 }],
  ])('knows where %j stands', (path, place) => {
    expect(documents[0]!.locate(path)).toEqual(place)
  })

  test('counts lines from the start of the file, not of the document', () => {
    expect(documents[1]!.locate(['spec', 'http', 'path'])).toEqual({ line: 14, column: 11 })
  })

  test('places a missing field at its nearest parent', () => {
    expect(documents[0]!.locate(['spec', 'code', 'inline'])).toEqual({ line: 6, column: 1 })
  })
})

test('text that is not YAML is a mistake with line and column', () => {
  const { documents, mistakes } = parseDocuments('bad.yaml', 'a: b\nc: [1,\nd: 2\n')
  expect(documents).toEqual([])
  expect(mistakes).toEqual([
    { file: 'bad.yaml', line: expect.any(Number), column: expect.any(Number), message: expect.any(String) },
  ])
  expect(mistakes[0]!.line).toBeGreaterThanOrEqual(2)
  expect(mistakes[0]!.message).not.toContain('\n')
})

test('a document that is no object is a mistake', () => {
  expect(parseDocuments('x.yaml', '- 1\n').mistakes[0]!.message).toContain('got a list')
})

test('what is no object is shown by its beginning only', () => {
  const [mistake] = parseDocuments('x.yaml', 'a'.repeat(1_000_000)).mistakes
  expect(mistake!.message).toMatch(/got "a{59}…$/)
})

test('JSON is read with its places', () => {
  const { documents } = parseDocuments('a.json', '{\n  "kind": "Function",\n  "spec": {\n    "timeout": "1h"\n  }\n}\n')
  expect(documents[0]!.value).toEqual({ kind: 'Function', spec: { timeout: '1h' } })
  expect(documents[0]!.locate(['spec', 'timeout'])).toEqual({ line: 4, column: 5 })
})

test('a List is unfolded and its items keep their places', () => {
  const { documents } = parseDocuments('l.yaml', 'kind: List\nitems:\n-\n- kind: A\n- kind: B\n  spec: 1\n')
  expect(documents.map(({ value }) => value.kind)).toEqual(['A', 'B'])
  expect(documents[1]!.locate(['spec']).line).toBe(6)
})

test.each(['', '---\n---\n', '# only a comment\n'])('%j holds nothing and no mistake', (text) => {
  expect(parseDocuments('e.yaml', text)).toEqual({ documents: [], mistakes: [] })
})

test.each([
  ['leads nowhere', 'b: *nothing\n', expect.stringContaining('Unresolved alias')],
  ['holds itself', 'b: &b\n  c: *b\n', 'an alias stands inside of what it stands for'],
  ['is one of thousands', bomb(), expect.stringContaining('Excessive alias count')],
])('an alias that %s is a mistake of its document, and others go on', (_, text, message) => {
  const { documents, mistakes } = parseDocuments('a.yaml', `kind: A\n---\n${text}`)
  expect(documents.map(({ value }) => value)).toEqual([{ kind: 'A' }])
  expect(mistakes).toEqual([{ file: 'a.yaml', line: 3, column: 1, message }])
})

function bomb(): string {
  const tenOf = (name: string) => `[${Array.from({ length: 10 }, () => name).join(', ')}]`
  return `a: &a ${tenOf('x')}\nb: &b ${tenOf('*a')}\nc: ${tenOf('*b')}\n`
}
