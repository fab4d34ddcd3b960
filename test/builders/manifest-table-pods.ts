/** Rows about what a Function's pods are made from; see manifest-table.ts. */
import { bad, invalid, invalidWhole, type BadManifest, type GoodManifest } from './manifest-rows.ts'
import { functionManifest } from './manifests.ts'

const ONE = 'exactly one of runtime, image must be set'
const CODE = 'code must be set with runtime, and left out with image'
const IMAGE = 'image must be the name of an image, without spaces'
const OBJECT = "must be lower-case letters, digits, '-' or '.', and start and end with a letter or digit"
const KEY = "key must be letters, digits, '-', '_' or '.'"

const image = (spec: object = {}) =>
  functionManifest({ runtime: undefined, code: undefined, image: 'example/web:1', signature: 'http', ...spec })
const secret = (ref: object, value?: string) =>
  functionManifest({
    env: [
      {
        name: 'A',
        ...(value !== undefined && { value }),
        valueFrom: { secretKeyRef: { name: 's', key: 'k', ...ref } },
      },
    ],
  })
const configMap = (ref: object) =>
  functionManifest({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'c', key: 'k', ...ref } } }] })
const resources = (value: object) => functionManifest({ resources: value })

export const POD_BREAKS: readonly BadManifest[] = [
  bad('neither runtime nor image', functionManifest({ runtime: undefined }), invalidWhole('spec', ONE)),
  bad('runtime null', functionManifest({ runtime: null }), invalidWhole('spec', ONE)),
  bad('runtime and image', functionManifest({ image: 'a', signature: 'http' }), invalidWhole('spec', ONE)),
  bad('no code', functionManifest({ code: undefined }), invalidWhole('spec', CODE)),
  bad('image with code', image({ code: { inline: { 'a.js': 'x' } } }), invalidWhole('spec', CODE)),
  bad(
    'image called with events',
    image({ signature: 'event' }),
    invalidWhole('spec', 'signature must be http with image: an image of its own gets requests as they come'),
  ),
  ...['', 'a b'].map((name) => bad(`image ${name}`, image({ image: name }), invalid('spec.image', name, IMAGE))),
  ...['', 'Secret', '-a', 'a.', 'a_b'].map((name) =>
    bad(`secret ${name}`, secret({ name }), invalid('spec.env[0].valueFrom.secretKeyRef.name', name, `name ${OBJECT}`)),
  ),
  ...['', 'a b', 'a/b'].map((key) =>
    bad(`key ${key}`, secret({ key }), invalid('spec.env[0].valueFrom.secretKeyRef.key', key, KEY)),
  ),
  ...['', 'Config', '-a'].map((name) =>
    bad(
      `config map ${name}`,
      configMap({ name }),
      invalid('spec.env[0].valueFrom.configMapKeyRef.name', name, `name ${OBJECT}`),
    ),
  ),
  ...['', 'a b', 'a/b'].map((key) =>
    bad(
      `key ${key} of a config map`,
      configMap({ key }),
      invalid('spec.env[0].valueFrom.configMapKeyRef.key', key, KEY),
    ),
  ),
  bad(
    'valueFrom two places',
    functionManifest({
      env: [
        { name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' }, configMapKeyRef: { name: 's', key: 'k' } } },
      ],
    }),
    invalidWhole('spec.env[0].valueFrom', 'exactly one of secretKeyRef, configMapKeyRef must be set'),
  ),
  bad(
    'value beside valueFrom',
    secret({}, 'x'),
    invalidWhole('spec.env[0]', 'value must be left out when valueFrom is set'),
  ),
  bad(
    'valueFrom nothing',
    functionManifest({ env: [{ name: 'A', valueFrom: {} }] }),
    invalidWhole('spec.env[0].valueFrom', 'exactly one of secretKeyRef, configMapKeyRef must be set'),
  ),
  ...['Robot', 'a_b', ''].map((serviceAccountName) =>
    bad(
      `service account ${serviceAccountName}`,
      functionManifest({ serviceAccountName }),
      invalid('spec.serviceAccountName', serviceAccountName, `serviceAccountName ${OBJECT}`),
    ),
  ),
  ...['9m', '0', '64.001', '65', '1.2345', '-1', '', 'one', '100Mi'].map((cpu) =>
    bad(
      `cpu limit ${cpu}`,
      resources({ limits: { cpu } }),
      invalid('spec.resources.limits.cpu', cpu, 'cpu must be between 10m and 64'),
    ),
  ),
  ...['0', 'x'].map((cpu) =>
    bad(
      `cpu request ${cpu}`,
      resources({ limits: { cpu: '64' }, requests: { cpu } }),
      invalid('spec.resources.requests.cpu', cpu, 'cpu must be between 1m and 64'),
    ),
  ),
  ...['1Ki', '0', 'x'].map((memory) =>
    bad(
      `memory request ${memory}`,
      resources({ requests: { memory } }),
      invalid('spec.resources.requests.memory', memory, 'memory must be between 1Mi and 10240Mi'),
    ),
  ),
  bad(
    'cpu request above the default limit',
    resources({ requests: { cpu: '1001m' } }),
    invalidWhole('spec.resources', 'requests.cpu must not be greater than limits.cpu'),
  ),
  bad(
    'memory request above the limit',
    resources({ limits: { memory: '64Mi' }, requests: { memory: '65Mi' } }),
    invalidWhole('spec.resources', 'requests.memory must not be greater than limits.memory'),
  ),
]

export const POD_GOOD: readonly GoodManifest[] = [
  { why: 'an image of its own', manifest: image() },
  {
    why: 'an image of its own with everything',
    manifest: image({ env: [{ name: 'A', value: '1' }], concurrency: 5, serviceAccountName: 'a.b-c' }),
  },
  { why: 'a secret', manifest: secret({ name: 'my.secret-1', key: 'tls.Key_1' }) },
  { why: 'a secret that may be missing', manifest: secret({ optional: true }) },
  { why: 'a config map', manifest: configMap({ name: 'my.config-1', key: 'app.Key_1', optional: false }) },
  {
    why: 'the least of all',
    manifest: resources({ limits: { cpu: '10m', memory: '32Mi' }, requests: { cpu: '1m', memory: '1Mi' } }),
  },
  {
    why: 'the most of all',
    manifest: resources({ limits: { cpu: '64', memory: '10Gi' }, requests: { cpu: '64', memory: '10Gi' } }),
  },
  { why: 'parts of a processor', manifest: resources({ limits: { cpu: '1.5' }, requests: { cpu: '1500m' } }) },
]
