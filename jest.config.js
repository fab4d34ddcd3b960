/** Tests run as ESM on the TypeScript sources; swc strips types, `tsc` checks them (npm run types). */
const common = {
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } } }] },
  testEnvironment: 'node',
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
}

/** Only there when a test asks for it: see test/kafka/setup.ts. */
const kafka = { globalSetup: '<rootDir>/test/kafka/setup.ts', globalTeardown: '<rootDir>/test/kafka/teardown.ts' }

export default {
  projects: ['unit', 'conformance', 'integration', 'e2e'].map((name) => ({
    ...common,
    ...(name === 'unit' || name === 'e2e' ? {} : kafka),
    displayName: name,
    testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  })),
}
