/**
 * `spec.code.path` → `spec.code.inline`: reads a file or a folder into the map of texts that travels to the API (ADR 0004).
 * Leaves out what is no code of the function: node_modules, dotfiles, what editors leave behind, the manifests themselves.
 */
import { realpathSync, statSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { MAX_CODE_BYTES, MAX_FILES } from '../../api/function.ts'
import { isFilePath } from '../../api/function-rules.ts'
import { errorText } from '../../lib/error-text.ts'
import { decodeText } from '../utf8.ts'
import { isManifestText, MANIFEST_FILE } from './manifest-text.ts'

/** The code cannot be packed; the message says which file and why. */
export class PackError extends Error {
  override readonly name = 'PackError'
  readonly code = 'code-not-packed'
}

export interface PackedCode {
  files: Record<string, string>
  /** What was read: the file or the folder, for watching. */
  root: string
}

/** `path` is absolute; `label` is how the user wrote it. Throws PackError. */
export async function packCode(path: string, label: string): Promise<PackedCode> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) throw new PackError(`code path ${label} does not exist`)
  const paths = found.isDirectory() ? await filesBelow(path) : [path]
  const root = found.isDirectory() ? path : join(path, '..')
  const files: Record<string, string> = {}
  let size = 0
  for (const file of paths.sort()) {
    const name = relative(root, file).split(sep).join('/')
    // A manifest is none of it, however large.
    if (!MANIFEST_FILE.test(name) && size + sizeOf(file) > MAX_CODE_BYTES) throw new PackError(tooLarge(label, name))
    const bytes = await readNamed(file, name)
    if (MANIFEST_FILE.test(name) && isManifestText(decodeText(bytes).text)) continue
    size += bytes.length
    if (size > MAX_CODE_BYTES) throw new PackError(tooLarge(label, name))
    files[name] = textOf(bytes, name)
  }
  const count = Object.keys(files).length
  if (count > MAX_FILES)
    throw new PackError(`the code in ${label} has ${count} files; at most ${MAX_FILES} are allowed`)
  if (count === 0) throw new PackError(`code path ${label} holds no files`)
  return { files, root: path }
}

function cannotRead(name: string, error: unknown): never {
  throw new PackError(`${name} cannot be read: ${errorText(error)}`)
}

function unusableName(name: string): string {
  return `the path ${JSON.stringify(name)} cannot be that of a file of code: expected at most 255 characters without backslashes and line breaks`
}

async function readNamed(file: string, name: string): Promise<Buffer> {
  if (!isFilePath(name)) throw new PackError(unusableName(name))
  return readFile(file).catch((error: unknown) => cannotRead(name, error))
}

const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0

function tooLarge(label: string, name: string): string {
  return `the code in ${label} is larger than 256 KiB (reached at ${name}); bundle it, leave out what it does not need, or use spec.code.archive, which holds more`
}

function textOf(bytes: Buffer, name: string): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // Not UTF-8: told below.
  }
  throw new PackError(
    `${name} is not UTF-8 text; only text files can be packed as code, others go into spec.code.archive`,
  )
}

async function filesBelow(folder: string, seen = new Set<string>()): Promise<string[]> {
  const real = realpathSync(folder)
  if (seen.has(real)) return []
  seen.add(real)
  const found: string[] = []
  for (const entry of await readdir(folder).catch((error: unknown) => cannotRead(basename(folder), error))) {
    if (isSkipped(entry)) continue
    const path = join(folder, entry)
    const kind = statSync(path, { throwIfNoEntry: false })
    if (kind?.isDirectory()) found.push(...(await filesBelow(path, seen)))
    else if (kind?.isFile()) found.push(path)
  }
  return found
}

/** What editors leave beside a file while it is open, or from before it was saved. */
const EDITORS_OWN = /~$|^#.*#$/

/** Names that are never part of a function's code, at any depth. */
export function isSkipped(name: string): boolean {
  const own = basename(name)
  return own.startsWith('.') || own === 'node_modules' || EDITORS_OWN.test(own)
}
