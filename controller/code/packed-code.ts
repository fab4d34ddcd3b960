/**
 * A function's files as one piece of bytes: gzip of JSON, text as text and everything else in base64. It is stored, kept and sent to pods as it
 * is; only pods unpack it. Pure.
 */
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { z } from 'zod'

/** Bounds on code that is not written into the Function; docs/code.md has them. A pod reads all of it into its memory when it wakes. */
export const CODE_LIMITS = {
  archiveBytes: 5 * 1024 * 1024,
  unpackedBytes: 16 * 1024 * 1024,
  /** Packages are many small files: those of the larger frameworks are 2,000 to 4,000. */
  files: 10_000,
  pathBytes: 255,
} as const

export interface CodeFiles {
  /** By relative path, as text. */
  files: Record<string, string>
  /** In base64. */
  binary: Record<string, string>
  /** Epoch seconds, as far as they are known. */
  modified?: Record<string, number>
}

/** The code cannot be had or cannot be used; the message is a clause for the Function's condition. */
export class CodeError extends Error {
  override readonly name = 'CodeError'
  readonly code = 'code-unavailable'
}

const codeFilesSchema = z.object({
  files: z.record(z.string(), z.string()),
  binary: z.record(z.string(), z.string()),
})

/** Throws CodeError when it breaks a bound. `modified`: of some of them, in epoch seconds. */
export function codeFiles(
  entries: Iterable<readonly [string, Buffer]>,
  modified: ReadonlyMap<string, number> = new Map(),
): CodeFiles {
  const code: CodeFiles = { files: emptyRecord(), binary: emptyRecord() }
  for (const [path, bytes] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const isText = isUtf8(bytes) && !bytes.includes(0)
    if (isText) code.files[path] = bytes.toString('utf8')
    else code.binary[path] = bytes.toString('base64')
  }
  checkPaths([...Object.keys(code.files), ...Object.keys(code.binary)])
  return modified.size === 0 ? code : { ...code, modified: Object.fromEntries(modified) }
}

export async function packCode(code: CodeFiles): Promise<Buffer> {
  return promisify(gzip)(Buffer.from(JSON.stringify(code)))
}

/** Of what it says, not of how it was packed: the same files have the same digest. */
export function digestOf(code: CodeFiles): string {
  return createHash('sha256').update(JSON.stringify(code)).digest('hex')
}

/** For messages about places in it. */
export async function fileNames(packed: Buffer): Promise<string[]> {
  const { files, binary } = codeFilesSchema.parse(JSON.parse((await promisify(gunzip)(packed)).toString('utf8')))
  return [...Object.keys(files), ...Object.keys(binary)]
}

/** Whether it names a place below the folder it is unpacked to, and none else. */
export function isSafePath(path: string): boolean {
  if (path === '' || Buffer.byteLength(path) > CODE_LIMITS.pathBytes || hasControlCharacter(path)) return false
  if (path.includes('\\')) return false
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

function hasControlCharacter(path: string): boolean {
  return [...path].some((character) => character < ' ' || character === '\u007f')
}

function checkPaths(paths: readonly string[]): void {
  if (paths.length === 0) throw new CodeError('it contains no files')
  if (paths.length > CODE_LIMITS.files)
    throw new CodeError(`it contains ${paths.length} files, at most ${CODE_LIMITS.files} are taken`)
  const all = new Set(paths)
  for (const path of paths) {
    if (!isSafePath(path)) throw new CodeError(`it contains ${quoted(path)}, which is no relative path to a file`)
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1))
      if (all.has(path.slice(0, at))) throw new CodeError(`${quoted(path.slice(0, at))} is a file and a folder at once`)
  }
}

/** Of somebody else's making, for a message. */
export const quoted = (text: string) => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)

/** A file named __proto__ is a file like any other. */
const emptyRecord = () => Object.create(null) as Record<string, string>
