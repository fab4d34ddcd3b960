/** Rows about on which nodes pods run, of Functions and Runtimes alike; see manifest-table.ts. */
import { bad, invalid, invalidWhole, type BadManifest, type GoodManifest, type Json } from './manifest-rows.ts'
import { functionManifest, runtimeManifest } from './manifests.ts'

const LETTERS = "letters, digits, '-', '_' or '.', and start and end with a letter or digit"
const KEY = `key must be a label's key: at most 63 ${LETTERS}, after an optional DNS name and '/'`
const VALUE = `value must be at most 63 ${LETTERS}`
const AT = 'spec.tolerations[0]'

const KINDS: readonly [kind: string, manifest: (spec: Json) => Json][] = [
  ['Function', functionManifest],
  ['Runtime', runtimeManifest],
]

const BAD_KEYS = [
  'a b',
  '-a',
  'a_',
  '/a',
  'a/',
  'a/b/c',
  'Example.com/a',
  'a'.repeat(64),
  `example.com/${'a'.repeat(64)}`,
]
const LONG_PREFIX = `${'a'.repeat(254)}/b`
const BAD_VALUES = ['a b', '-a', 'a.', 'a/b', 'ü']

const TOLERATIONS: readonly [why: string, toleration: Json, problem: string][] = [
  ...BAD_KEYS.map((key): [string, Json, string] => [`key ${key}`, { key }, invalid(`${AT}.key`, key, KEY)]),
  ...BAD_VALUES.map((value): [string, Json, string] => [
    `value ${value}`,
    { key: 'a', value },
    invalid(`${AT}.value`, value, VALUE),
  ]),
  [
    'key with a long prefix',
    { key: LONG_PREFIX },
    invalid(`${AT}.key`, LONG_PREFIX, 'key must have at most 253 characters before its slash'),
  ],
  [
    'no key',
    { value: 'a' },
    invalidWhole(AT, 'key must be set, or operator be Exists, which then tolerates every taint'),
  ],
  [
    'an empty key',
    { key: '', operator: 'Equal' },
    invalidWhole(AT, 'key must be set, or operator be Exists, which then tolerates every taint'),
  ],
  [
    'a value for any',
    { key: 'a', operator: 'Exists', value: 'b' },
    invalidWhole(AT, 'value must be left out when operator is Exists'),
  ],
  ...[{}, { effect: 'NoSchedule' }].map((effect): [string, Json, string] => [
    `time with ${JSON.stringify(effect)}`,
    { key: 'a', ...effect, tolerationSeconds: 5 },
    invalidWhole(AT, 'effect must be NoExecute when tolerationSeconds is set'),
  ]),
]

export const PLACEMENT_BREAKS: readonly BadManifest[] = KINDS.flatMap(([kind, manifest]) => [
  ...[...BAD_KEYS, LONG_PREFIX, ''].map((key) =>
    bad(
      `node selector of a ${kind} with key ${key}`,
      manifest({ nodeSelector: { fine: 'x', [key]: 'x' } }),
      invalidWhole('spec.nodeSelector', `every ${KEY}`),
    ),
  ),
  ...BAD_VALUES.map((value) =>
    bad(
      `node selector of a ${kind} with value ${value}`,
      manifest({ nodeSelector: { fine: 'x', a: value } }),
      invalidWhole('spec.nodeSelector', `every ${VALUE}`),
    ),
  ),
  ...TOLERATIONS.map(([why, toleration, problem]) =>
    bad(`toleration of a ${kind} with ${why}`, manifest({ tolerations: [toleration] }), problem),
  ),
])

/** Broken already by their shape. */
export const PLACEMENT_SHAPES: readonly BadManifest[] = [
  bad(
    'toleration with an unknown operator',
    functionManifest({ tolerations: [{ key: 'a', operator: 'In' }] }),
    `${AT}.operator: Unsupported value: "In": supported values: "Exists", "Equal"`,
  ),
  bad(
    'toleration with an unknown effect',
    runtimeManifest({ tolerations: [{ key: 'a', effect: 'NoRun' }] }),
    `${AT}.effect: Unsupported value: "NoRun": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"`,
  ),
  bad(
    'value of a node selector that is too long',
    functionManifest({ nodeSelector: { a: 'x'.repeat(64) } }),
    'spec.nodeSelector.a: Too long: may not be more than 63 bytes',
  ),
]

export const PLACEMENT_GOOD: readonly GoodManifest[] = KINDS.flatMap(([kind, manifest]) => [
  { why: `a ${kind} that says nothing of nodes`, manifest: manifest({ nodeSelector: {}, tolerations: [] }) },
  {
    why: `a ${kind} for some nodes`,
    manifest: manifest({
      nodeSelector: {
        'kubernetes.io/arch': 'arm64',
        'node-role.kubernetes.io/functions': '',
        [`${'a'.repeat(253)}/${'B'.repeat(63)}`]: 'x'.repeat(63),
        Disk_1: 'a.b-c_D',
      },
    }),
  },
  {
    why: `a ${kind} for nodes that are kept for it`,
    manifest: manifest({
      tolerations: [
        { operator: 'Exists' },
        { key: '', operator: 'Exists', value: '' },
        { key: 'dedicated', value: 'functions', effect: 'NoSchedule' },
        { key: 'example.com/spot', operator: 'Exists', effect: 'PreferNoSchedule' },
        { key: 'a', effect: 'NoExecute', tolerationSeconds: 0 },
        { key: 'a', value: '' },
      ],
    }),
  },
])
