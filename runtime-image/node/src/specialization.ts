/** Body of POST /specialize, checked by hand: a schema library would cost start time. */
export type Signature = 'event' | 'http' | 'cloudevent'

export interface Specialization {
  podUid: string
  expiresAt: number
  function: { namespace: string; name: string; uid: string }
  revision: string
  handler: string
  signature: Signature
  files: Record<string, string>
  /** In base64. */
  binary: Record<string, string>
  /** When files were modified, in epoch seconds. */
  modified: Record<string, number>
  /** Of the others. */
  modifiedAt?: number
  env: Record<string, string>
  timeoutMs: number
  concurrency: number
  memoryMb: number
  dataKey: string
  /** To be repeated in the pod's health. */
  proof?: string
}

export type ParsedSpecialization = { kind: 'valid'; value: Specialization } | { kind: 'invalid'; message: string }

class Invalid extends Error {}

export function parseSpecialization(body: string): ParsedSpecialization {
  try {
    return { kind: 'valid', value: read(JSON.parse(body)) }
  } catch (error) {
    if (error instanceof Invalid) return { kind: 'invalid', message: error.message }
    if (error instanceof SyntaxError) return { kind: 'invalid', message: `the body is not JSON: ${error.message}` }
    throw error
  }
}

function read(body: unknown): Specialization {
  const root = record(body, 'the body')
  const owner = record(root['function'], 'function')
  return {
    podUid: string(root['podUid'], 'podUid'),
    expiresAt: number(root['expiresAt'], 'expiresAt', 0),
    function: {
      namespace: string(owner['namespace'], 'function.namespace'),
      name: string(owner['name'], 'function.name'),
      uid: string(owner['uid'], 'function.uid'),
    },
    revision: string(root['revision'], 'revision'),
    handler: string(root['handler'], 'handler'),
    signature: signature(root['signature']),
    ...code(root),
    ...(root['modifiedAt'] !== undefined && { modifiedAt: number(root['modifiedAt'], 'modifiedAt', 0) }),
    env: strings(root['env'] ?? {}, 'env'),
    timeoutMs: number(root['timeoutMs'], 'timeoutMs', 1),
    concurrency: number(root['concurrency'], 'concurrency', 1),
    memoryMb: number(root['memoryMb'], 'memoryMb', 1),
    dataKey: string(root['dataKey'], 'dataKey'),
    ...(root['proof'] !== undefined && { proof: string(root['proof'], 'proof') }),
  }
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new Invalid(`${name} must be an object, got ${describe(value)}`)
}

function string(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw new Invalid(`${name} must be a non-empty string, got ${describe(value)}`)
}

function number(value: unknown, name: string, min: number): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= min) return value
  throw new Invalid(`${name} must be a number of at least ${min}, got ${describe(value)}`)
}

function signature(value: unknown): Signature {
  if (value === 'event' || value === 'http' || value === 'cloudevent') return value
  throw new Invalid(`signature must be event, http or cloudevent, got ${describe(value)}`)
}

function strings(value: unknown, name: string): Record<string, string> {
  for (const [key, item] of Object.entries(record(value, name))) {
    if (typeof item !== 'string') throw new Invalid(`${name}["${key}"] must be a string, got ${describe(item)}`)
    if (item.includes('\0') || key.includes('\0'))
      throw new Invalid(`${name}["${key}"] must not contain a NUL character`)
  }
  return value as Record<string, string>
}

/** Far above what a controller packs. */
const UNPACKED_LIMIT_BYTES = 64 * 1024 * 1024

function code(root: Record<string, unknown>): Pick<Specialization, 'files' | 'binary' | 'modified'> {
  const all = root['packed'] === undefined ? { files: root['files'] } : unpack(string(root['packed'], 'packed'))
  const found = {
    files: files(all['files']),
    binary: files(all['binary'] ?? {}),
    modified: times(all['modified'] ?? {}),
  }
  checkNames(Object.keys({ ...found.files, ...found.binary }))
  return found
}

function unpack(packed: string): Record<string, unknown> {
  // Loaded when it is needed: most functions' code comes as it is.
  const { gunzipSync } = process.getBuiltinModule('node:zlib')
  try {
    const bytes = gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: UNPACKED_LIMIT_BYTES })
    return record(JSON.parse(bytes.toString('utf8')), 'packed')
  } catch (error) {
    throw new Invalid(`packed must be a gzipped JSON object in base64: ${String(error)}`)
  }
}

function files(value: unknown): Record<string, string> {
  const found = record(value, 'files')
  for (const name of Object.keys(found)) {
    if (typeof found[name] !== 'string')
      throw new Invalid(`files["${name}"] must be a string, got ${describe(found[name])}`)
  }
  return found as Record<string, string>
}

function times(value: unknown): Record<string, number> {
  const found = record(value, 'modified')
  for (const [name, time] of Object.entries(found)) number(time, `modified["${name}"]`, 0)
  return found as Record<string, number>
}

function checkNames(names: readonly string[]): void {
  if (names.length === 0) throw new Invalid('files must name at least one file, got none')
  const all = new Set(names)
  for (const name of names) {
    if (!isInside(name)) throw new Invalid(`files["${name}"]: the name must be a relative path without "." or ".."`)
    const parent = parentsOf(name).find((folder) => all.has(folder))
    if (parent !== undefined) throw new Invalid(`files["${name}"]: "${parent}" is a file, not a directory`)
  }
}

/** Of `a/b/c`: `a`, `a/b`. */
function parentsOf(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}

function isInside(path: string): boolean {
  if (path.includes('\0') || path.includes('\\')) return false
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value) ?? typeof value
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
