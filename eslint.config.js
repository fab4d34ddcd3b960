// Each rule is here for a reason; the reason stands beside it.
import importX from 'eslint-plugin-import-x'
import tseslint from 'typescript-eslint'

const LAYERS = [
  ...['api', 'lib', 'kube', 'events', 'routing'],
  ...['controller', 'gateway', 'dispatcher', 'local', 'cli', 'runtime-image'],
]
/** Who may import whom: processes → routing, events, kube → lib → api; never back, never sideways. `local` embeds processes, `cli` embeds `local`. */
const MAY_IMPORT = {
  api: [],
  lib: ['api'],
  kube: ['api', 'lib'],
  events: ['api', 'lib'],
  routing: ['api', 'lib'],
  controller: ['api', 'lib', 'kube', 'events', 'routing'],
  gateway: ['api', 'lib', 'events', 'routing'],
  dispatcher: ['api', 'lib', 'events', 'routing'],
  local: ['api', 'lib', 'kube', 'events', 'routing', 'controller', 'gateway', 'dispatcher'],
  cli: ['api', 'lib', 'kube', 'local'],
  'runtime-image': [],
}
/** What runs in pods is another program; that one file bundles it, and local mode runs the bundle. */
const RUNTIME_FACE = ['./node/build-runtime.ts']
const zones = LAYERS.flatMap((layer) =>
  [...LAYERS, 'test', 'scripts']
    .filter((other) => other !== layer && !MAY_IMPORT[layer].includes(other))
    .map((other) => ({
      target: `./${layer}`,
      from: `./${other}`,
      except: layer === 'local' && other === 'runtime-image' ? RUNTIME_FACE : [],
      message: `${layer}/ may import ${MAY_IMPORT[layer].join(', ') || 'nothing of ours'}: see ARCHITECTURE.md`,
    })),
)

/** A client library is known by one folder; the rest sees an interface of ours. */
const CLIENT_LIBRARIES = [
  { name: 'express', home: 'lib/management-server.ts' },
  { name: 'prom-client', home: 'lib/metrics.ts' },
  { name: 'node:sqlite', home: 'lib/sqlite/' },
  { name: 'kafkajs', home: 'events/kafka/' },
  { name: '@kubernetes/client-node', home: 'kube/client-node/' },
  { name: 'croner', home: 'controller/cron/schedule.ts' },
  { name: 'jose', home: 'controller/server/' },
  { name: 'yauzl', home: 'controller/code/unpack-archive.ts' },
  { name: 'tar-stream', home: 'controller/code/unpack-archive.ts' },
  { name: 'chokidar', home: 'cli/' },
  { name: 'commander', home: 'cli/' },
  { name: 'testcontainers', home: 'scripts/kafka/container-kafka.ts' },
  { name: 'esbuild', home: ['runtime-image/node/build-runtime.ts', 'images/bundle.ts'] },
]
const OWN_CLOCK = 'user code may replace it: clock.ts'
const restrict = (libraries) => [
  'error',
  {
    paths: libraries.map(({ name, home }) => ({
      name,
      message: `only ${[home].flat().join(' and ')} knows ${name}`,
      allowTypeImports: false,
    })),
  },
]
const homes = (home) => [home].flat().map((place) => (place.endsWith('/') ? `${place}**/*.ts` : place))

export default tseslint.config(
  {
    ignores: [
      'node_modules/',
      'dist/',
      'coverage/',
      'examples/',
      'crds/',
      'test/fixtures/',
      '**/*.js',
      '**/*.mjs',
      '**/*.cjs',
    ],
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      // A lost promise is a lost failure: everything is awaited, returned, or void-ed with a catch.
      '@typescript-eslint/no-floating-promises': 'error',
      // Promises in `if` or as event handlers are nearly always a forgotten await. Handlers that catch for themselves are fine.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      // Outcomes are unions: a new kind must break the build where it is not handled.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Parse at the edge, trust inside.
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      // `import type` disappears at run time: start time and import directions stay visible.
      '@typescript-eslint/consistent-type-imports': 'error',
      // Interfaces are implemented by async and sync adapters alike.
      '@typescript-eslint/require-await': 'off',
      // Unused is dead; `_` marks what a signature demands.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', caughtErrors: 'none', ignoreRestSiblings: true },
      ],
      // Numbers and booleans in messages are what we want.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // One name per thing, found by search.
      'import-x/no-default-export': 'error',
      // Folders point one way only.
      'import-x/no-restricted-paths': ['error', { zones }],
      // Two files that need each other are one, or need a third. (Circles of types only are not seen by it.)
      'import-x/no-cycle': 'error',
      '@typescript-eslint/no-restricted-imports': restrict(CLIENT_LIBRARIES),
      // Configuration enters through main.ts and config.ts only.
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'only main.ts and config.ts read the environment' },
      ],
      // Logs have levels and fields: lib/logger.
      'no-console': 'error',
      // What fits on two screens can be reviewed.
      'max-lines': ['error', { max: 250, skipBlankLines: false, skipComments: false }],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
      'max-depth': ['error', 3],
      'max-params': ['error', 3],
      complexity: ['error', 12],
      // `==` hides conversions; null checks may use it.
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  ...CLIENT_LIBRARIES.map(({ name, home }) => ({
    files: homes(home),
    rules: { '@typescript-eslint/no-restricted-imports': restrict(CLIENT_LIBRARIES.filter((l) => l.home !== home)) },
  })),
  {
    // The processes' edges read the environment.
    files: ['**/main.ts', '**/config.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    // Tools that print.
    files: ['scripts/**/*.ts', 'images/**/*.ts', 'test/**/*.ts'],
    rules: { 'no-restricted-properties': 'off', 'no-console': 'off' },
  },
  {
    // User code runs in this process: its console and environment are the runtime's to set up.
    files: ['runtime-image/**/*.ts'],
    rules: { 'no-restricted-properties': 'off', 'no-console': 'off' },
  },
  {
    // It may fake time, too. (The watchdog's thread has globals of its own.)
    files: ['runtime-image/node/src/*.ts'],
    ignores: ['runtime-image/node/src/clock.ts', 'runtime-image/node/src/watchdog-thread.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['performance', 'setTimeout', 'clearTimeout', 'setImmediate'].map((name) => ({ name, message: OWN_CLOCK })),
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'], MemberExpression[object.name='Date']", message: OWN_CLOCK },
      ],
    },
  },
  {
    // Tests read top to bottom; a long table or story is clearer than its pieces.
    files: ['test/**/*.ts', 'scripts/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      'max-lines': ['error', { max: 500 }],
      'max-depth': ['error', 4],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-restricted-imports': 'off',
    },
  },
)
