/** The frames of RFC 6455, as far as an echo needs them. */
export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 }

const LARGEST_BYTES = 1024 * 1024

export class ProtocolError extends Error {}

/** The first whole frame of `bytes` and what follows it; undefined while it is not complete. */
export function readFrame(bytes) {
  if (bytes.length < 2) return undefined
  const isMasked = (bytes[1] & 0x80) !== 0
  if (!isMasked) throw new ProtocolError('a client must mask its frames')
  const size = readSize(bytes)
  if (size === undefined) return undefined
  const { length, offset } = size
  if (length > LARGEST_BYTES) throw new ProtocolError(`a frame may have ${LARGEST_BYTES} bytes, got ${length}`)
  const start = offset + 4
  if (bytes.length < start + length) return undefined
  const mask = bytes.subarray(offset, start)
  const payload = Buffer.from(bytes.subarray(start, start + length)).map((byte, i) => byte ^ mask[i % 4])
  return { isFinal: (bytes[0] & 0x80) !== 0, opcode: bytes[0] & 0x0f, payload, rest: bytes.subarray(start + length) }
}

function readSize(bytes) {
  const short = bytes[1] & 0x7f
  if (short < 126) return { length: short, offset: 2 }
  if (short === 126) return bytes.length < 4 ? undefined : { length: bytes.readUInt16BE(2), offset: 4 }
  return bytes.length < 10 ? undefined : { length: Number(bytes.readBigUInt64BE(2)), offset: 10 }
}

export function writeFrame(opcode, payload) {
  return Buffer.concat([head(opcode, payload.length), payload])
}

function head(opcode, length) {
  const first = 0x80 | opcode
  if (length < 126) return Buffer.from([first, length])
  if (length < 65_536) return Buffer.from([first, 126, length >> 8, length & 0xff])
  const bytes = Buffer.alloc(10)
  bytes.set([first, 127])
  bytes.writeBigUInt64BE(BigInt(length), 2)
  return bytes
}
