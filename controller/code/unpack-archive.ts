/**
 * A zip or a gzipped tar → files. What is in it is somebody else's: nothing is written anywhere, sizes are counted as they come and not believed,
 * and whatever is no plain file or folder below the root refuses the whole archive.
 */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl'
import { isRecord } from '../../api/record.ts'
import { CODE_LIMITS, CodeError, isSafePath, quoted } from './packed-code.ts'
import { errorText } from '../../lib/error-text.ts'

export interface UnpackLimits {
  unpackedBytes: number
  files: number
}

export interface Unpacked {
  files: Map<string, Buffer>
  /** When files were modified, in epoch seconds, as far as the archive tells it. */
  modified: Map<string, number>
}

/** Throws CodeError. */
export async function unpackArchive(archive: Buffer, limits: UnpackLimits = CODE_LIMITS): Promise<Unpacked> {
  const files = new UnpackedFiles(limits)
  try {
    if (archive.subarray(0, 2).equals(GZIP_MAGIC)) await unpackTar(archive, files)
    else if (archive.subarray(0, 2).equals(ZIP_MAGIC)) await unpackZip(archive, files)
    else throw new CodeError('it is neither a zip nor a gzipped tar')
  } catch (error) {
    if (error instanceof CodeError) throw error
    throw new CodeError(`it cannot be unpacked: ${errorText(error)}`, {
      cause: error,
    })
  }
  return { files: files.all, modified: files.modified }
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])
const ZIP_MAGIC = Buffer.from('PK')

class UnpackedFiles {
  readonly all = new Map<string, Buffer>()
  readonly modified = new Map<string, number>()
  readonly limits: UnpackLimits
  #bytes = 0
  #entries = 0

  constructor(limits: UnpackLimits) {
    this.limits = limits
  }

  /** Throws CodeError. `path`: as the archive has it, without the slash that ends a folder's. */
  admit(path: string): string {
    this.#entries += 1
    // Folders and repeated names count too: they cost as much to look at.
    if (this.#entries > this.limits.files * 2) throw this.#tooMany()
    const plain = path.replace(/^(\.\/)+/, '')
    if (!isSafePath(plain)) throw new CodeError(`it contains ${quoted(path)}, which does not stay below its root`)
    return plain
  }

  async add(path: string, content: AsyncIterable<Buffer>): Promise<void> {
    if (this.all.has(path)) throw new CodeError(`it contains ${quoted(path)} twice`)
    if (this.all.size >= this.limits.files) throw this.#tooMany()
    const chunks: Buffer[] = []
    for await (const chunk of content) {
      this.#bytes += chunk.length
      if (this.#bytes > this.limits.unpackedBytes) throw tooLarge(this.limits.unpackedBytes)
      chunks.push(chunk)
    }
    this.all.set(path, Buffer.concat(chunks))
  }

  /** Of packages it is when they were installed, which is of use to nobody and costs a call per file in each pod. */
  date(path: string, modified: Date | undefined): void {
    const seconds = Math.floor((modified?.getTime() ?? 0) / 1000)
    if (seconds > LAST_MADE_UP_SECONDS && !/(^|\/)node_modules\//.test(path)) this.modified.set(path, seconds)
  }

  #tooMany(): CodeError {
    return new CodeError(`it contains more than ${this.limits.files} files, which is the limit`)
  }
}

/** Builds that are to be reproducible give every file the same time: that of Unix, of MS-DOS, of npm, of Bazel (2010-01-01), wherever they run. */
const LAST_MADE_UP_SECONDS = Date.UTC(2010, 0, 2) / 1000

const tooLarge = (bytes: number) => new CodeError(`it unpacks to more than ${bytes} bytes, which is the limit`)

/** Of each entry beside its content: a header, what fills its block up, and longer names. */
const TAR_OVERHEAD_BYTES = 4_096

async function unpackTar(archive: Buffer, files: UnpackedFiles): Promise<void> {
  const entries = extract()
  entries.end(await gunzipped(archive, files.limits))
  for await (const entry of entries) {
    const { name, type, mtime } = entry.header
    if (type === 'directory') {
      if (!['', '.', './'].includes(name)) files.admit(name.replace(/\/$/, ''))
      entry.resume()
    } else if (type === 'file' || type === 'contiguous-file') {
      const path = files.admit(name)
      await files.add(path, entry as AsyncIterable<Buffer>)
      files.date(path, mtime)
    } else if (type === 'symlink' && isCommandOfNpm(files.admit(name))) {
      entry.resume()
    } else {
      throw new CodeError(`it contains ${quoted(name)}, a ${type ?? 'thing'}: only files and folders are taken`)
    }
  }
}

/** As a whole and bounded as such: the reader of tars keeps long headers in memory, however long they are. */
async function gunzipped(archive: Buffer, { unpackedBytes, files }: UnpackLimits): Promise<Buffer> {
  try {
    return await promisify(gunzip)(archive, { maxOutputLength: unpackedBytes + files * TAR_OVERHEAD_BYTES })
  } catch (error) {
    if (isRecord(error) && error['code'] === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(unpackedBytes)
    throw error
  }
}

async function unpackZip(archive: Buffer, files: UnpackedFiles): Promise<void> {
  const zip = await fromBufferPromise(archive, { lazyEntries: true, validateEntrySizes: true, strictFileNames: true })
  for await (const entry of zip.eachEntry()) {
    const isFolder = entry.fileName.endsWith('/')
    const path = files.admit(isFolder ? entry.fileName.slice(0, -1) : entry.fileName)
    if (isUnixType(entry, SYMLINK) && isCommandOfNpm(path)) continue
    refuseSpecial(entry)
    if (isFolder) continue
    await files.add(path, await contentOf(zip, entry))
    files.date(path, entry.getLastModDate({ timezone: 'UTC' }))
  }
}

/** Links that npm makes of packages' commands, wherever there are packages: no code loads them, so they are left out. */
const isCommandOfNpm = (path: string) => /(^|\/)node_modules\/\.bin\/[^/]+$/.test(path)

const SYMLINK = 0o120000
/** Not said, file, folder. */
const PLAIN_TYPES = [0, 0o100000, 0o040000]
const isUnixType = ({ externalFileAttributes }: Entry, type: number) =>
  ((externalFileAttributes >>> 16) & 0o170000) === type

/** What the upper half says if it was made on Unix: the type of the file, of which only plain files and folders are taken. */
function refuseSpecial(entry: Entry): void {
  if (!PLAIN_TYPES.some((type) => isUnixType(entry, type)))
    throw new CodeError(`it contains ${quoted(entry.fileName)}, a link or device: only files and folders are taken`)
  if ((entry.generalPurposeBitFlag & 1) !== 0) throw new CodeError(`${quoted(entry.fileName)} in it is encrypted`)
}

async function contentOf(zip: ZipFile, entry: Entry): Promise<AsyncIterable<Buffer>> {
  return (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>
}
