/** Archives as others make them, and as nobody should: zip and gzipped tar, entry by entry. */
import { once } from 'node:events'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { createHash } from 'node:crypto'
import { pack, type Header } from 'tar-stream'

export type TarEntry = Partial<Header> & { name: string; content?: string | Buffer }

export async function tarGz(entries: readonly TarEntry[]): Promise<Buffer> {
  return gzipSync(await tar(entries))
}

export async function tar(entries: readonly TarEntry[]): Promise<Buffer> {
  const packer = pack()
  const chunks: Buffer[] = []
  packer.on('data', (chunk) => chunks.push(chunk as Buffer))
  for (const { content, ...header } of entries) packer.entry(header, content ?? '')
  packer.finalize()
  await once(packer, 'end')
  return Buffer.concat(chunks)
}

export interface ZipEntry {
  name: string
  content?: string | Buffer
  /** Type and rights as Unix has them: 0o120777 is a symbolic link. */
  mode?: number
  /** What the headers say of its size, when they lie. */
  saysBytes?: number
  flags?: number
  /** UTC, even seconds. Default: none. */
  modified?: Date
}

export function zip(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = []
  const centrals: Buffer[] = []
  let offset = 0
  for (const entry of entries) {
    const { local, central } = zipEntry(entry, offset)
    locals.push(local)
    centrals.push(central)
    offset += local.length
  }
  const directory = Buffer.concat(centrals)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, directory, end])
}

function zipEntry({ name, content = '', mode = 0o100644, saysBytes, flags = 0, modified }: ZipEntry, offset: number) {
  const plain = Buffer.from(content)
  const packed = deflateRawSync(plain)
  const path = Buffer.from(name)
  const about = Buffer.alloc(26)
  about.writeUInt16LE(20, 0)
  about.writeUInt16LE(flags | 0x800, 2)
  about.writeUInt16LE(8, 4)
  if (modified !== undefined) about.writeUInt32LE(dosTime(modified), 6)
  about.writeUInt32LE(crc32(plain), 10)
  about.writeUInt32LE(packed.length, 14)
  about.writeUInt32LE(saysBytes ?? plain.length, 18)
  about.writeUInt16LE(path.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), about, path, packed])
  const tail = Buffer.alloc(14)
  tail.writeUInt32LE((mode << 16) >>> 0, 6)
  tail.writeUInt32LE(offset, 10)
  const central = Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), about, tail, path])
  return { local, central }
}

const dosTime = (at: Date) =>
  (at.getUTCFullYear() - 1980) * 2 ** 25 +
  (at.getUTCMonth() + 1) * 2 ** 21 +
  at.getUTCDate() * 2 ** 16 +
  (at.getUTCHours() << 11) +
  (at.getUTCMinutes() << 5) +
  (at.getUTCSeconds() >> 1)

export const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
