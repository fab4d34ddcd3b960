/**
 * Files, folders and standard input → manifests ready for the API: parsed, code packed in, checked by the API's own rules.
 * Collects all mistakes instead of stopping at the first; each names file, line and column.
 */
import { createHash } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parseManifest, type Manifest } from '../../api/validate.ts'
import { UNKNOWN_FIELD } from '../../api/problem.ts'
import { GROUP, keyOf } from '../../api/names.ts'
import { isRecord } from '../../api/record.ts'
import { errorText } from '../../lib/error-text.ts'
import { CliError, type ManifestMistake } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import { readWhole } from '../read-whole.ts'
import { decodeText, type DecodedText } from '../utf8.ts'
import { isManifestText, MANIFEST_FILE } from './manifest-text.ts'
import { isSkipped, packCode, PackError } from './pack-code.ts'
import { parseDocuments, type FieldPath, type ManifestDocument, type Place } from './parse-documents.ts'

export interface LoadedManifest {
  /** As the user would name it. */
  file: string
  /** With the API's defaults. */
  manifest: Manifest
  /** As the user wrote it, its code packed in: what is sent and rendered. */
  written: Record<string, unknown>
  /** Absolute file or folder the code was packed from, when it was. */
  codePath?: string
  /** Where a field stands in the file: `spec.env[0].name`. */
  locate: (path: string) => Place
}

export interface LoadedManifests {
  manifests: LoadedManifest[]
  mistakes: ManifestMistake[]
  /** Of every manifest file that was read, right or wrong: another one when any of them is another. */
  fingerprint: string
}

export interface LoadOptions {
  /** Files, folders, or `-` for standard input. */
  sources: readonly string[]
  /** What relative sources are relative to. */
  cwd: string
  readStdin: () => Promise<Buffer>
}

interface Source extends DecodedText {
  file: string
  /** What `code.path` is relative to. */
  folder: string
  /** Named by the user, not found in a folder: everything in it must be ours. */
  explicit: boolean
}

export async function loadManifests(options: LoadOptions): Promise<LoadedManifests> {
  const sources = (await Promise.all(options.sources.map((source) => readSource(source, options)))).flat()
  const loaded: LoadedManifests = { manifests: [], mistakes: [], fingerprint: fingerprintOf(sources) }
  for (const source of sources) {
    if (source.notUtf8At !== undefined) {
      loaded.mistakes.push({ file: source.file, ...source.notUtf8At, message: 'expected text in UTF-8' })
      continue
    }
    const { documents, mistakes } = parseDocuments(source.file, source.text)
    loaded.mistakes.push(...mistakes)
    for (const document of documents) await loadDocument({ source, document, loaded })
  }
  // What others refer to first, so that nothing is missing for an instant.
  loaded.manifests.sort((a, b) => ORDER.indexOf(a.manifest.kind) - ORDER.indexOf(b.manifest.kind))
  return loaded
}

function fingerprintOf(sources: readonly Source[]): string {
  const hash = createHash('sha256')
  for (const { file, text } of sources) hash.update(JSON.stringify([file, text]))
  return hash.digest('base64')
}

const ORDER: readonly string[] = ['Runtime', 'Function', 'Trigger']

async function readSource(source: string, { cwd, readStdin }: LoadOptions): Promise<Source[]> {
  if (source === '-') return [{ file: 'stdin', ...decodeText(await readStdin()), folder: cwd, explicit: true }]
  const path = resolve(cwd, source)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) throw new CliError(EXIT.failure, `${source}: no such file or folder`)
  if (found.isDirectory()) return readFolder(source, path)
  const read = await readText(path, source)
  return read === undefined ? [] : [{ file: source, ...read, folder: dirname(path), explicit: true }]
}

/** Undefined when it has just vanished, or is no file at all (a broken link, a folder named like one). */
async function readText(path: string, label: string): Promise<DecodedText | undefined> {
  try {
    return decodeText(await readWhole(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ELOOP') return undefined
    return cannotRead(label, error)
  }
}

function cannotRead(label: string, error: unknown): never {
  throw new CliError(EXIT.failure, `${label} cannot be read: ${errorText(error)}`, { cause: error })
}

/** Manifests of ours below a folder, in name order. */
async function readFolder(label: string, path: string): Promise<Source[]> {
  const found: Source[] = []
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => cannotRead(label, error))
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (isSkipped(entry.name)) continue
    const child = join(path, entry.name)
    const childLabel = join(label, entry.name)
    if (entry.isDirectory()) found.push(...(await readFolder(childLabel, child)))
    else if (MANIFEST_FILE.test(entry.name) && !isEndless(entry)) {
      const read = await readText(child, childLabel)
      if (read !== undefined && isManifestText(read.text))
        found.push({ file: childLabel, ...read, folder: path, explicit: false })
    }
  }
  return found
}

/** Opening a pipe waits for somebody who writes to it. */
const isEndless = (entry: Dirent) => entry.isFIFO() || entry.isSocket() || entry.isCharacterDevice()

interface DocumentInput {
  source: Source
  document: ManifestDocument
  loaded: LoadedManifests
}

async function loadDocument({ source, document, loaded }: DocumentInput): Promise<void> {
  const mistake = (path: FieldPath, message: string) =>
    void loaded.mistakes.push({ file: source.file, ...document.locate(path), message })
  if (!source.explicit && !isOurs(document.value)) return
  const packed = await pack(source, document, mistake)
  if (packed === undefined) return
  const result = parseManifest(packed.value)
  if (result.kind === 'invalid') {
    for (const { path, message } of result.problems) mistake(fieldPath(path), describeProblem(path, message))
    return
  }
  const { codePath } = packed
  const { kind, metadata } = result.object
  const twin = loaded.manifests.find(({ manifest }) => isSameObject(manifest, result.object))
  if (twin !== undefined)
    return mistake(['metadata', 'name'], `${kind} ${metadata.name} is already described in ${twin.file}`)
  const locate = (path: string) => document.locate(fieldPath(path))
  const entry = { file: source.file, manifest: result.object, written: packed.value, locate }
  loaded.manifests.push(codePath === undefined ? entry : { ...entry, codePath })
}

/** `spec.env[0].name` → ['spec', 'env', 0, 'name']. Names with dots in them end at their parent: good enough for a line. */
function fieldPath(text: string): FieldPath {
  return [...text.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, name, index]) => name ?? Number(index))
}

function describeProblem(path: string, message: string): string {
  if (message === UNKNOWN_FIELD) return `unknown field "${path}"`
  return path === '' ? message : `${path}: ${message}`
}

function isSameObject(a: Manifest, b: Manifest): boolean {
  return a.kind === b.kind && keyOf(a.metadata) === keyOf(b.metadata)
}

/** Or meant to be: manifest-text.ts. */
function isOurs(value: Record<string, unknown>): boolean {
  const [, apiVersion] = Object.entries(value).find(([name]) => name.toLowerCase() === 'apiversion') ?? []
  return typeof apiVersion === 'string' && apiVersion.split('/', 1)[0]?.toLowerCase() === GROUP
}

const CODE_PATH = ['spec', 'code', 'path'] as const

/** The document with its code in it; undefined when that failed, which has then been told. */
async function pack(
  source: Source,
  document: ManifestDocument,
  mistake: (path: FieldPath, message: string) => void,
): Promise<{ value: Record<string, unknown>; codePath?: string } | undefined> {
  const { value } = document
  const { spec } = value
  const code = isRecord(spec) ? spec.code : undefined
  if (!isRecord(spec) || !isRecord(code) || !('path' in code)) return { value }
  const { path, ...others } = code
  const fail = (message: string) => void mistake(CODE_PATH, message)
  if (typeof path !== 'string' || path === '')
    return fail(`spec.code.path: expected a file or folder, got ${JSON.stringify(path)}`)
  if (Object.keys(others).length > 0)
    return fail('spec.code: exactly one of path, inline, configMap, archive must be set')
  try {
    const { files, root } = await packCode(resolve(source.folder, path), path)
    return { value: { ...value, spec: { ...spec, code: { ...others, inline: files } } }, codePath: root }
  } catch (error) {
    if (error instanceof PackError) return fail(`spec.code.path: ${error.message}`)
    throw error
  }
}
