/** Functions that tests deploy: small, and telling what they are told to tell. */
import { API_VERSION } from '../../api/names.ts'

export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; labels?: Record<string, string> }
  spec: Record<string, unknown>
}

/** `source`: of index.mjs. */
export function functionOf(name: string, source: string, spec: object = {}): Manifest {
  return {
    apiVersion: API_VERSION,
    kind: 'Function',
    metadata: { name },
    spec: { runtime: 'node', code: { inline: { 'index.mjs': source } }, ...spec },
  }
}

export function triggerOf(name: string, functionName: string, spec: object): Manifest {
  return {
    apiVersion: API_VERSION,
    kind: 'Trigger',
    metadata: { name },
    spec: { function: functionName, ...spec },
  }
}

/** Answers what it was sent, and which pod and which text it is. */
export const saying = (text: string): string =>
  `import { hostname } from 'node:os'
   export const handler = async (event) => ({ says: ${JSON.stringify(text)}, pod: hostname(), event })`

/** Answers after so long. */
export const taking = (ms: number): string =>
  `import { hostname } from 'node:os'
   import { setTimeout as delay } from 'node:timers/promises'
   export const handler = async () => { await delay(${ms}); return { pod: hostname() } }`
