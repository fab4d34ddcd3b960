/**
 * One row per rule and side of a bound. `breaks` rows are held to the same sentence by the local validator and by the CEL of the generated
 * CRDs; `structure` rows break types and bounds, which the API server judges before CEL. What is about events is in manifest-table-events.ts.
 */
import { bad, invalid, NAME, type, type BadManifest, type GoodManifest } from './manifest-rows.ts'
import { CODE_BREAKS, CODE_GOOD } from './manifest-table-code.ts'
import { PLACEMENT_BREAKS, PLACEMENT_GOOD, PLACEMENT_SHAPES } from './manifest-table-placement.ts'
import { POD_BREAKS, POD_GOOD } from './manifest-table-pods.ts'
import { EVENT_BREAKS, EVENT_GOOD, EVENT_STRUCTURE } from './manifest-table-events.ts'
import { functionManifest, runtimeManifest, triggerManifest } from './manifests.ts'

const RUNTIME = NAME.replace('name', 'runtime')
const FILE_PATHS =
  "spec.code.inline: Invalid value: file paths must be relative, at most 255 characters, without '..', '.', empty segments or backslashes"
const FILE_AND_FOLDER = 'spec.code.inline: Invalid value: a path must not be a file and a folder at once'
const ENV_NAME = 'name must be letters, digits and underscores, and not start with a digit'
const RESERVED =
  'name is reserved: AWS_LAMBDA_*, LAMBDA_*, DORMOUSE_*, _HANDLER, _X_AMZN_TRACE_ID and NODE_OPTIONS are set by the platform'
const HANDLER = 'handler must be path/file.export, with nested exports as file.outer.inner'
const ORIGINS = 'origins must be * or scheme://host[:port] in lower case, without a path'
const HOSTS = 'hosts must be lower-case host names without port, with *. in front for every name below'
const PATH = "path must not contain '//', '?', '#', '%', backslashes or control characters"

const files = (...paths: string[]) => ({ code: { inline: Object.fromEntries(paths.map((path) => [path, 'x'])) } })
const env = (...names: string[]) => ({ env: names.map((name) => ({ name, value: 'x' })) })

const names = ['Hello', 'a.b', '-a', 'a-', 'a_b', 'a'.repeat(64)].map((name) =>
  bad(`name ${name}`, functionManifest({}, { name }), invalid('metadata.name', name, NAME)),
)

const functionFields = [
  bad('runtime empty', functionManifest({ runtime: '' }), invalid('spec.runtime', '', RUNTIME)),
  bad('runtime upper case', functionManifest({ runtime: 'Node' }), invalid('spec.runtime', 'Node', RUNTIME)),
  ...['', 'index', 'index.', '.handler', '/index.handler', 'a//b.c', 'index.a b', 'a\\b.c', 'dir.x/index'].map(
    (handler) => bad(`handler ${handler}`, functionManifest({ handler }), invalid('spec.handler', handler, HANDLER)),
  ),
  bad(
    'handler leaves the folder',
    functionManifest({ handler: '../index.handler' }),
    invalid('spec.handler', '../index.handler', "handler must not contain '..'"),
  ),
  ...['0s', '999ms', '15m1s', '1h', '15m0.001s', 'abc', '', '30', '-5s', '5 s', '1d', '1000000s', '5us'].map(
    (timeout) =>
      bad(
        `timeout ${timeout}`,
        functionManifest({ timeout }),
        invalid('spec.timeout', timeout, 'timeout must be between 1s and 15m'),
      ),
  ),
  ...[0, -1, 1001].map((concurrency) =>
    bad(
      `concurrency ${concurrency}`,
      functionManifest({ concurrency }),
      invalid('spec.concurrency', concurrency, 'concurrency must be between 1 and 1000'),
    ),
  ),
  ...['31Mi', '33554431', '10240.001Mi', '11Gi', '128mb', '128MB', '', '-1Mi', '1Ti', '1e9', '33.554k'].map((memory) =>
    bad(
      `memory ${memory}`,
      functionManifest({ resources: { limits: { memory } } }),
      invalid('spec.resources.limits.memory', memory, 'memory must be between 32Mi and 10240Mi'),
    ),
  ),
]

const scaling = [
  bad(
    'min below 0',
    functionManifest({ scaling: { min: -1 } }),
    invalid('spec.scaling.min', -1, 'min must be between 0 and 1000'),
  ),
  bad(
    'max 0',
    functionManifest({ scaling: { max: 0 } }),
    invalid('spec.scaling.max', 0, 'max must be between 1 and 1000'),
  ),
  bad(
    'max 1001',
    functionManifest({ scaling: { max: 1001 } }),
    invalid('spec.scaling.max', 1001, 'max must be between 1 and 1000'),
  ),
  bad(
    'min above max',
    functionManifest({ scaling: { min: 5, max: 4 } }),
    'spec.scaling: Invalid value: min must not be greater than max',
  ),
  bad(
    'min above the default max',
    functionManifest({ scaling: { min: 21 } }),
    'spec.scaling: Invalid value: min must not be greater than max',
  ),
  ...[0, -0.5, 1.01, 2].map((target) =>
    bad(
      `target ${target}`,
      functionManifest({ scaling: { target } }),
      invalid('spec.scaling.target', target, 'target must be greater than 0 and at most 1'),
    ),
  ),
  ...['0s', '999ms', 'soon'].map((idleAfter) =>
    bad(
      `idleAfter ${idleAfter}`,
      functionManifest({ scaling: { idleAfter } }),
      invalid('spec.scaling.idleAfter', idleAfter, 'idleAfter must be a duration of at least 1s'),
    ),
  ),
  ...['59s', 'never'].map((maxPodAge) =>
    bad(
      `maxPodAge ${maxPodAge}`,
      functionManifest({ scaling: { maxPodAge } }),
      invalid('spec.scaling.maxPodAge', maxPodAge, 'maxPodAge must be a duration of at least 1m'),
    ),
  ),
]

const code = [
  bad(
    'no code source',
    functionManifest({ code: {} }),
    'spec.code: Invalid value: exactly one of inline, configMap, archive must be set',
  ),
  bad(
    'inline is null',
    functionManifest({ code: { inline: null } }),
    'spec.code: Invalid value: exactly one of inline, configMap, archive must be set',
  ),
  ...CODE_BREAKS,
  bad(
    'no file',
    functionManifest({ code: { inline: {} } }),
    'spec.code.inline: Invalid value: inline must contain at least one file',
  ),
  ...['/a', '../a', 'a/../b', 'a/..', '..', './a', 'a//b', 'a/', '', 'a\\b', 'a\u0000b', 'a\nb', 'a'.repeat(256)].map(
    (path) => bad(`file path ${JSON.stringify(path.slice(0, 9))}`, functionManifest(files(path)), FILE_PATHS),
  ),
  bad('file and folder', functionManifest(files('a', 'a/b')), FILE_AND_FOLDER),
  bad(
    'one byte too many in two files',
    functionManifest({ code: { inline: { 'a.js': 'x'.repeat(256 * 1024), 'b.js': 'x' } } }),
    'spec.code.inline: Invalid value: inline must be at most 256 KiB in all',
  ),
  bad(
    'bytes count, not characters',
    functionManifest({ code: { inline: { 'a.js': 'é'.repeat(128 * 1024 + 1) } } }),
    'spec.code.inline: Invalid value: inline must be at most 256 KiB in all',
  ),
]

const environment = [
  ...['1A', 'A-B', '', 'A.B', 'Ä'].map((name) =>
    bad(`env name ${name}`, functionManifest(env('OK', name)), invalid('spec.env[1].name', name, ENV_NAME)),
  ),
  ...['AWS_LAMBDA_X', 'LAMBDA_TASK_ROOT', 'DORMOUSE_', '_HANDLER', '_X_AMZN_TRACE_ID', 'NODE_OPTIONS'].map((name) =>
    bad(`env name ${name}`, functionManifest(env(name)), invalid('spec.env[0].name', name, RESERVED)),
  ),
  bad(
    'env too large',
    functionManifest({ env: [{ name: 'A', value: 'x'.repeat(4094) }, { name: 'B' }, { name: 'C' }] }),
    'spec.env: Invalid value: env must be at most 4 KiB in all, names and values together',
  ),
  bad(
    'env value with NUL',
    functionManifest({ env: [{ name: 'A', value: 'x\u0000y' }] }),
    String.raw`spec.env[0].value: Invalid value: "x\x00y": value must not contain NUL`,
  ),
]

const triggers = [
  bad(
    'function not a name',
    triggerManifest({}, { function: 'a/b' }),
    invalid('spec.function', 'a/b', NAME.replace('name', 'function')),
  ),
  ...['Example.com', 'a_b.com', 'example.com:80', 'http://a', 'a..b', '*', '*.', 'a.*.b', '-a.com', ''].map((host) =>
    bad(`host ${host}`, triggerManifest({ hosts: ['ok.example', host] }), invalid('spec.http.hosts[1]', host, HOSTS)),
  ),
  ...['', 'a', 'a/b'].map((path) =>
    bad(`path ${path}`, triggerManifest({ path }), invalid('spec.http.path', path, 'path must start with /')),
  ),
  ...['/..', '/a/../b', '/a/..'].map((path) =>
    bad(
      `path ${path}`,
      triggerManifest({ path }),
      invalid('spec.http.path', path, "path must not contain '..' as a segment"),
    ),
  ),
  ...['/a?b', '/a#b', '/a//b', '/a%20b', '/a\\b', '/a\nb'].map((path) =>
    bad(`path ${path}`, triggerManifest({ path }), invalid('spec.http.path', path, PATH)),
  ),
  bad(
    'credentials for every origin',
    triggerManifest({ cors: { allowCredentials: true } }),
    'spec.http.cors: Invalid value: allowCredentials needs origins that are named one by one: allowOrigins must not contain *',
  ),
  ...['example.com', 'https://a.com/', 'https://A.com', 'https://*.a.com', 'https://a.com:port', '', 'null'].map(
    (origin) =>
      bad(
        `origin ${origin}`,
        triggerManifest({ cors: { allowOrigins: [origin] } }),
        invalid('spec.http.cors.allowOrigins[0]', origin, ORIGINS),
      ),
  ),
  bad(
    'allowed header',
    triggerManifest({ cors: { allowHeaders: ['x y'] } }),
    invalid('spec.http.cors.allowHeaders[0]', 'x y', 'allowHeaders must be header names'),
  ),
  bad(
    'exposed header',
    triggerManifest({ cors: { exposeHeaders: ['x:y'] } }),
    invalid('spec.http.cors.exposeHeaders[0]', 'x:y', 'exposeHeaders must be header names'),
  ),
  ...[-1, 86_401].map((maxAgeSeconds) =>
    bad(
      `max age ${maxAgeSeconds}`,
      triggerManifest({ cors: { maxAgeSeconds } }),
      invalid('spec.http.cors.maxAgeSeconds', maxAgeSeconds, 'maxAgeSeconds must be between 0 and 86400'),
    ),
  ),
]

const runtimes = [
  bad('runtime name', runtimeManifest({}, { name: 'Node' }), invalid('metadata.name', 'Node', NAME)),
  ...['', 'a b', 'a\n'].map((image) =>
    bad(
      `image ${JSON.stringify(image)}`,
      runtimeManifest({ image }),
      invalid('spec.image', image, 'image must be the name of an image, without spaces'),
    ),
  ),
  bad(
    'empty command',
    runtimeManifest({ command: [] }),
    'spec.command: Invalid value: command must not be empty; leave it out to keep the entrypoint of the image',
  ),
  ...[-1, 101].map((size) =>
    bad(
      `pool ${size}`,
      runtimeManifest({ pool: { size } }),
      invalid('spec.pool.size', size, 'pool.size must be between 0 and 100'),
    ),
  ),
]

/** Broken rules. */
export const BREAKS: readonly BadManifest[] = [
  ...names,
  ...functionFields,
  ...scaling,
  ...code,
  ...environment,
  ...triggers,
  ...runtimes,
  ...POD_BREAKS,
  ...PLACEMENT_BREAKS,
  ...EVENT_BREAKS,
]

/** Broken structure. */
export const STRUCTURE: readonly BadManifest[] = [
  ...PLACEMENT_SHAPES,
  bad('no spec', { ...functionManifest(), spec: undefined }, 'spec: Required value'),
  bad('runtime a number', functionManifest({ runtime: 5 }), type('spec.runtime', 'integer', 'string')),
  bad('concurrency text', functionManifest({ concurrency: 'many' }), type('spec.concurrency', 'string', 'integer')),
  bad('concurrency a fraction', functionManifest({ concurrency: 1.5 }), type('spec.concurrency', 'number', 'integer')),
  bad('target text', functionManifest({ scaling: { target: 'x' } }), type('spec.scaling.target', 'string', 'number')),
  bad('env an object', functionManifest({ env: { A: 'b' } }), type('spec.env', 'object', 'array')),
  bad('env entry null', functionManifest({ env: [null] }), type('spec.env[0]', 'null', 'object')),
  bad(
    'env value a number',
    functionManifest({ env: [{ name: 'A', value: 1 }] }),
    type('spec.env[0].value', 'integer', 'string'),
  ),
  bad('env without name', functionManifest({ env: [{ value: 'x' }] }), 'spec.env[0].name: Required value'),
  bad(
    'file a number',
    functionManifest({ code: { inline: { 'a.js': 1 } } }),
    type('spec.code.inline.a.js', 'integer', 'string'),
  ),
  bad('spec a list', { ...functionManifest(), spec: [] }, type('spec', 'array', 'object')),
  bad('scaling a list', functionManifest({ scaling: [] }), type('spec.scaling', 'array', 'object')),
  bad('boolean as text', triggerManifest({ stripPrefix: 'yes' }), type('spec.http.stripPrefix', 'string', 'boolean')),
  bad(
    'unknown payload format',
    triggerManifest({ payloadFormatVersion: '3.0' }),
    'spec.http.payloadFormatVersion: Unsupported value: "3.0": supported values: "1.0", "2.0"',
  ),
  bad(
    'unknown signature',
    functionManifest({ signature: 'x' }),
    'spec.signature: Unsupported value: "x": supported values: "event", "http", "cloudevent"',
  ),
  bad(
    'lower-case method',
    triggerManifest({ methods: ['get'] }),
    'spec.http.methods[0]: Unsupported value: "get": supported values: "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"',
  ),
  bad(
    'handler too long',
    functionManifest({ handler: `${'a'.repeat(128)}.b` }),
    'spec.handler: Too long: may not be more than 128 bytes',
  ),
  bad(
    'too many files',
    functionManifest(files(...Array.from({ length: 65 }, (_, index) => `f${index}.js`))),
    'spec.code.inline: Too many: 65: must have at most 64 items',
  ),
  bad(
    'too many variables',
    functionManifest(env(...Array.from({ length: 101 }, (_, index) => `V${index}`))),
    'spec.env: Too many: 101: must have at most 100 items',
  ),
  bad('a variable twice', functionManifest(env('A', 'B', 'A')), 'spec.env[2]: Duplicate value: {"name":"A"}'),
  bad('a method twice', triggerManifest({ methods: ['GET', 'GET'] }), 'spec.http.methods[1]: Duplicate value: "GET"'),
  ...EVENT_STRUCTURE,
]

/** Valid, some of them just so. */
export const GOOD: readonly GoodManifest[] = [
  { why: 'only what is required', manifest: functionManifest() },
  { why: 'null where absent', manifest: functionManifest({ env: null, scaling: null, timeout: null }) },
  ...['a', 'a1', '1a', 'a'.repeat(63)].map((name) => ({
    why: `name ${name}`,
    manifest: functionManifest({}, { name }),
  })),
  ...['1s', '1000ms', '15m', '900s', '14m59.999s', '0.25h'].map((timeout) => ({
    why: `timeout ${timeout}`,
    manifest: functionManifest({ timeout }),
  })),
  ...['32Mi', '33554432', '33554.432k', '10Gi', '10240Mi', '1.5Gi', '512M'].map((memory) => ({
    why: `memory ${memory}`,
    manifest: functionManifest({ resources: { limits: { memory } } }),
  })),
  ...['index.handler', 'src/app.outer.inner', 'a/b/c.default', 'my dir/index.handler', 'dir.x/index.h', 'index.$h'].map(
    (handler) => ({
      why: `handler ${handler}`,
      manifest: functionManifest({ handler }),
    }),
  ),
  {
    why: 'scaling at its bounds',
    manifest: functionManifest({ scaling: { min: 1000, max: 1000, target: 1, idleAfter: '1s', maxPodAge: '1m' } }),
  },
  {
    why: 'never more than one',
    manifest: functionManifest({ scaling: { min: 1, max: 1, target: 0.01 }, concurrency: 1000 }),
  },
  {
    why: 'file names of all kinds',
    manifest: functionManifest(
      files('a.js', 'dir/a.js', 'dir/..a', 'a b.js', 'ä.js', '.hidden', 'x'.repeat(255), 'ab'),
    ),
  },
  { why: '256 KiB of code', manifest: functionManifest({ code: { inline: { 'a.js': 'x'.repeat(256 * 1024) } } }) },
  { why: '4 KiB of environment', manifest: functionManifest({ env: [{ name: 'A', value: 'x'.repeat(4095) }] }) },
  {
    why: 'names near the reserved ones',
    manifest: functionManifest(env('AWS_REGION', 'MY_LAMBDA_X', 'HANDLER', '_', 'NODE_OPTIONS_')),
  },
  { why: 'an empty trigger', manifest: triggerManifest() },
  {
    why: 'a full trigger',
    manifest: triggerManifest({
      hosts: ['a.example', '*.example.com', 'localhost', '10.0.0.1'],
      path: '/ä/a b/..c',
      pathType: 'Exact',
      methods: ['GET', 'POST'],
      stripPrefix: true,
      cors: {
        allowOrigins: ['https://a.example', 'http://localhost:3000', 'http://[::1]:80'],
        allowCredentials: true,
        allowMethods: ['*'],
        allowHeaders: ['x-a', '*'],
        maxAgeSeconds: 0,
      },
    }),
  },
  { why: 'a runtime', manifest: runtimeManifest({ command: ['node'], pool: { size: 0 } }) },
  ...CODE_GOOD,
  ...POD_GOOD,
  ...PLACEMENT_GOOD,
  ...EVENT_GOOD,
]
