/** Frames of `application/vnd.amazon.eventstream`: https://smithy.io/2.0/aws/amazon-eventstream.html. Pure. */
import { crc32 } from 'node:zlib'

/** Type of a header's value. */
const STRING = 7
/** Both lengths and the checksum of both. */
const PRELUDE_BYTES = 12
const CHECKSUM_BYTES = 4

export const EVENT_STREAM = 'application/vnd.amazon.eventstream'

export const chunkFrame = (chunk: Buffer): Buffer => eventFrame('PayloadChunk', 'application/octet-stream', chunk)

/** The last one. `ErrorDetails`: JSON; `LogResult`: base64. */
export function completeFrame(how: { ErrorCode?: string; ErrorDetails?: string; LogResult?: string }): Buffer {
  return eventFrame('InvokeComplete', 'application/json', Buffer.from(JSON.stringify(how)))
}

function eventFrame(eventType: string, contentType: string, payload: Buffer): Buffer {
  const headers = Buffer.concat([
    header(':message-type', 'event'),
    header(':event-type', eventType),
    header(':content-type', contentType),
  ])
  const frame = Buffer.alloc(PRELUDE_BYTES + headers.length + payload.length + CHECKSUM_BYTES)
  frame.writeUInt32BE(frame.length, 0)
  frame.writeUInt32BE(headers.length, 4)
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
  headers.copy(frame, PRELUDE_BYTES)
  payload.copy(frame, PRELUDE_BYTES + headers.length)
  const end = frame.length - CHECKSUM_BYTES
  frame.writeUInt32BE(crc32(frame.subarray(0, end)), end)
  return frame
}

function header(name: string, value: string): Buffer {
  const bytes = Buffer.alloc(1 + name.length + 3 + value.length)
  bytes.writeUInt8(name.length, 0)
  bytes.write(name, 1, 'latin1')
  bytes.writeUInt8(STRING, 1 + name.length)
  bytes.writeUInt16BE(value.length, 2 + name.length)
  bytes.write(value, 4 + name.length, 'latin1')
  return bytes
}
