import { describe, expect, test } from '@jest/globals'
import { DEFINITIONS } from '../../../api/definitions.ts'
import { admit, InvalidObjectError, parseManifest } from '../../../api/validate.ts'
import { BREAKS, GOOD, STRUCTURE } from '../../builders/manifest-table.ts'
import {
  cronManifest,
  functionManifest,
  kafkaManifest,
  runtimeManifest,
  triggerManifest,
} from '../../builders/manifests.ts'

function problemsOf(manifest: unknown): string[] {
  const parsed = parseManifest(manifest)
  return parsed.kind === 'valid' ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`)
}

function sentenceOf(manifest: unknown): string {
  const parsed = parseManifest(manifest)
  return parsed.kind === 'valid' ? 'valid' : parsed.sentence
}

describe('a manifest that breaks a rule is refused with that rule', () => {
  test.each(BREAKS)('$why', ({ manifest, problems }) => expect(problemsOf(manifest)).toEqual(problems))
})

describe('a manifest of the wrong shape is refused as the API server refuses it', () => {
  test.each(STRUCTURE)('$why', ({ manifest, problems }) => expect(problemsOf(manifest)).toEqual(problems))
})

describe('a manifest that keeps every rule is taken', () => {
  test.each(GOOD)('$why', ({ manifest }) => expect(sentenceOf(manifest)).toBe('valid'))
})

test('every rule is broken by a row of the table', () => {
  const told = BREAKS.flatMap(({ manifest, problems }) =>
    problems.map((problem) => `${String(manifest['kind'])} ${problem}`),
  )
  const untested = Object.values(DEFINITIONS).flatMap(({ kind, rules }) =>
    rules
      .filter(({ path, message }) => {
        const start = `${kind.kind} ${path.split('[]')[0]}`
        return !told.some((problem) => problem.startsWith(start) && problem.endsWith(message))
      })
      .map(({ path }) => `${kind.kind} ${path}`),
  )
  expect(untested.filter((rule) => rule !== 'Trigger metadata.name')).toEqual([])
})

test('defaults are filled in', () => {
  expect(parseManifest(functionManifest())).toEqual({
    kind: 'valid',
    object: {
      apiVersion: 'dormouse.dev/v1alpha1',
      kind: 'Function',
      metadata: { name: 'hello' },
      spec: {
        runtime: 'node',
        handler: 'index.handler',
        signature: 'event',
        code: { inline: { 'index.mjs': 'export const handler = () => 1' } },
        env: [],
        resources: { limits: { cpu: '1', memory: '128Mi' } },
        timeout: '30s',
        scaling: { min: 0, max: 20, target: 0.7, idleAfter: '5m', maxPodAge: '4h' },
        async: { maxAttempts: 3, maxAge: '6h', backoff: { initial: '1m', factor: 2, max: '5m' } },
      },
    },
  })
  expect(parseManifest(triggerManifest())).toMatchObject({
    object: { spec: { http: { hosts: [], path: '/', pathType: 'Prefix', methods: [], stripPrefix: false } } },
  })
  expect(parseManifest(kafkaManifest({ batch: {} }, { retry: {}, deadLetter: {} }))).toMatchObject({
    object: {
      spec: {
        kafka: {
          topics: ['orders'],
          ordering: 'unordered',
          startFrom: 'latest',
          filters: [],
          batch: { size: 100, window: '500ms', bisect: false },
        },
        retry: {
          maxAttempts: 5,
          backoff: { initial: '1s', factor: 2, max: '5m' },
          maxAge: '24h',
          onExhausted: 'deadLetter',
        },
        deadLetter: { keep: true },
      },
    },
  })
  expect(parseManifest(cronManifest())).toHaveProperty('object.spec', {
    function: 'hello',
    cron: { schedule: '0 6 * * *', timezone: 'UTC', startingDeadline: '1h' },
  })
  expect(parseManifest(runtimeManifest())).toMatchObject({ object: { spec: { pool: { size: 3 } } } })
})

describe('sentences read as kubectl prints them', () => {
  test('one problem stands in the line', () => {
    expect(sentenceOf(functionManifest({ timeout: '1h' }))).toBe(
      'The Function "hello" is invalid: spec.timeout: Invalid value: "1h": timeout must be between 1s and 15m',
    )
  })

  test('several problems are a list', () => {
    expect(sentenceOf(functionManifest({ timeout: '1h', concurrency: 0 }))).toBe(
      [
        'The Function "hello" is invalid: ',
        '* spec.timeout: Invalid value: "1h": timeout must be between 1s and 15m',
        '* spec.concurrency: Invalid value: 0: concurrency must be between 1 and 1000',
      ].join('\n'),
    )
  })

  test('rules wait until the shape is right', () => {
    expect(problemsOf(functionManifest({ runtime: 5, timeout: '1h' }))).toHaveLength(1)
  })

  test('unknown fields come first and alone, all of them', () => {
    expect(sentenceOf({ ...functionManifest({ foo: 1, scaling: { bar: 1 }, timeout: '1h' }), extra: 1 })).toBe(
      'Function in version "v1alpha1" cannot be handled as a Function: strict decoding error: ' +
        'unknown field "extra", unknown field "spec.scaling.bar", unknown field "spec.foo"',
    )
    expect(sentenceOf(functionManifest({}, { nmae: 'x' }))).toContain(
      'strict decoding error: unknown field "metadata.nmae"',
    )
    expect(sentenceOf(functionManifest({ env: [{ name: 'A', valueForm: {} }] }))).toContain(
      'unknown field "spec.env[0].valueForm"',
    )
  })

  test('a missing name', () => {
    const said = 'The Function "" is invalid: metadata.name: Required value: name or generateName is required'
    expect(sentenceOf(functionManifest({}, { name: undefined }))).toBe(said)
    expect(sentenceOf(functionManifest({}, { name: '' }))).toBe(said)
    expect(sentenceOf(functionManifest({}, { name: undefined, generateName: 'web-' }))).toBe(
      'The Function "" is invalid: metadata.name: Required value: what is applied needs a name: with generateName each time would make another object',
    )
    expect(sentenceOf({ ...functionManifest(), metadata: undefined })).toBe(
      'The Function "" is invalid: metadata: Required value',
    )
  })

  test('a name that is no text', () => {
    expect(problemsOf(functionManifest({}, { name: 5 }))).toEqual([
      'metadata.name: Invalid value: "integer": metadata.name in body must be of type string: "integer"',
    ])
  })

  test('a namespace where none belongs, and one that is no name', () => {
    expect(sentenceOf(runtimeManifest({}, { namespace: 'a' }))).toBe(
      'The Runtime "node" is invalid: metadata.namespace: Forbidden: not allowed on this type',
    )
    expect(problemsOf(functionManifest({}, { namespace: 'A/B' }))).toEqual([
      expect.stringMatching(/^metadata.namespace: Invalid value: "A\/B": namespace must be/),
    ])
  })

  test.each([
    [
      { kind: 'Functon' },
      'no matches for kind "Functon" in version "dormouse.dev/v1alpha1": expected Function, Trigger or Runtime',
    ],
    [{ kind: 'toString' }, 'no matches for kind "toString"'],
    [{ apiVersion: 'dormouse.dev/v1' }, 'no matches for kind "Function" in version "dormouse.dev/v1"'],
    [{ kind: undefined }, "Object 'Kind' is missing: expected Function, Trigger or Runtime"],
    [{ apiVersion: undefined }, "Object 'apiVersion' is missing: expected dormouse.dev/v1alpha1"],
  ])('an object of another kind or version: %j', (change, said) => {
    expect(sentenceOf({ ...functionManifest(), ...change })).toContain(said)
  })

  test.each([null, undefined, 'text', 5, [], [functionManifest()]])('what is no object: %j', (input) => {
    expect(sentenceOf(input)).toBe('expected an object with apiVersion, kind, metadata and spec')
  })
})

test('an object as the API server prints it can be applied again, without what the server added', () => {
  const printed = {
    ...functionManifest(
      {},
      {
        namespace: 'a',
        labels: { x: 'y' },
        uid: 'u',
        resourceVersion: '1',
        generation: 2,
        creationTimestamp: 'now',
        managedFields: [],
      },
    ),
    status: { revision: 'r' },
  }
  const parsed = parseManifest(printed)
  expect(parsed).toMatchObject({
    kind: 'valid',
    object: { metadata: { name: 'hello', namespace: 'a', labels: { x: 'y' } } },
  })
  expect(parsed).not.toHaveProperty('object.metadata.uid')
  expect(parsed).not.toHaveProperty('object.status')
})

describe('admit', () => {
  test('fills defaults and keeps metadata and status', () => {
    const stored = { ...functionManifest({}, { uid: 'u', resourceVersion: '7' }), status: { pods: 1 } }
    const admitted = admit('Function', stored)
    expect(admitted).toMatchObject({
      metadata: { uid: 'u', resourceVersion: '7' },
      status: { pods: 1 },
      spec: { timeout: '30s' },
    })
    expect(stored).not.toHaveProperty('spec.timeout')
  })

  test('throws the sentence', () => {
    const admitting = () => admit('Function', functionManifest({ timeout: '1h' }))
    expect(admitting).toThrow(InvalidObjectError)
    expect(admitting).toThrow('The Function "hello" is invalid: spec.timeout')
  })

  test('leaves kinds that are not ours alone', () => {
    const pod = { kind: 'Pod', spec: { anything: true } }
    expect(admit('Pod', pod)).toBe(pod)
  })
})
