/** Manifests to start from: valid as they are, with one thing changed per test. */

type Json = Record<string, unknown>

const API_VERSION = 'dormouse.dev/v1alpha1'

export function functionManifest(spec: Json = {}, metadata: Json = {}): Json {
  const base = { runtime: 'node', code: { inline: { 'index.mjs': 'export const handler = () => 1' } } }
  return {
    apiVersion: API_VERSION,
    kind: 'Function',
    metadata: { name: 'hello', ...metadata },
    spec: { ...base, ...spec },
  }
}

export function triggerManifest(http: Json = {}, spec: Json = {}): Json {
  return {
    apiVersion: API_VERSION,
    kind: 'Trigger',
    metadata: { name: 'hello' },
    spec: { function: 'hello', http, ...spec },
  }
}

/** Reads `orders`. */
export function kafkaManifest(kafka: Json = {}, spec: Json = {}): Json {
  return triggerManifest({}, { http: undefined, kafka: { topics: ['orders'], ...kafka }, ...spec })
}

/** Every morning at six. */
export function cronManifest(cron: Json = {}, spec: Json = {}): Json {
  return triggerManifest({}, { http: undefined, cron: { schedule: '0 6 * * *', ...cron }, ...spec })
}

export function runtimeManifest(spec: Json = {}, metadata: Json = {}): Json {
  return {
    apiVersion: API_VERSION,
    kind: 'Runtime',
    metadata: { name: 'node', ...metadata },
    spec: { image: 'local/node', ...spec },
  }
}
